"""Faults to plant into the sources, to see that they are caught."""
