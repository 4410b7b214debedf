"""Tests of `events/declared`."""
