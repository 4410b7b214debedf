"""Tests of `events/logs`."""
