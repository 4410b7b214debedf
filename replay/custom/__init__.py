"""Detectors that declare their own events: the engine gives them all that the others have."""
