"""Tests of `events/times`."""
