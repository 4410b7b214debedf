"""What detectors that declare their events make their actors of."""
