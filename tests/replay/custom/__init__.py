"""Tests of `replay/declared`."""
