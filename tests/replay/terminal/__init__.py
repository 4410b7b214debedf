"""Tests of `replay/terminal`."""
