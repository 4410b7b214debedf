"""What happened: events, the logs they come from and the store they are kept in.

This package knows nobody: it imports neither `actors` nor `replay`.
"""
