"""The second detector: time intervals with several advertising ids."""
