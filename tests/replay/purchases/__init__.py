"""Tests of `replay/purchases`."""
