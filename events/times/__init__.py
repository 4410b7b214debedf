"""Times: exact at any precision, as text, as numbers and as durations."""
