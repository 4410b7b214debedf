"""Tests of `events/purchases`."""
