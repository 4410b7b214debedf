"""The version of the program, readable without importing it."""

__version__ = "0.1.0"
