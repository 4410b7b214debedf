"""Detectors that judge events one by one: the batch is the past, the stream is judged."""
