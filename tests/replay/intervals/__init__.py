"""Tests of `replay/intervals`."""
