"""The same work from the command line."""
