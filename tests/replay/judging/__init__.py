"""Tests of `replay/judging`."""
