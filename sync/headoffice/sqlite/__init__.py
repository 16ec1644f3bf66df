"""The head office on one SQLite file: all its SQL."""
