"""The report of a project, and the figures that it and the pages draw."""
