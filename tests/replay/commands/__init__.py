"""Tests of `replay/commands`."""
