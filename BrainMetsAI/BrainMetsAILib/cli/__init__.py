"""The command line: brainmets."""
