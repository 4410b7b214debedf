"""Tests of `events/observations`."""
