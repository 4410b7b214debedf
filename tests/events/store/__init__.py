"""Tests of `events/store`."""
