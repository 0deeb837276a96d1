"""What the pages and the command line ask for: the use cases of a project."""
