"""Tests of `events/journal`."""
