"""The command line: load, call the workflow, print."""
