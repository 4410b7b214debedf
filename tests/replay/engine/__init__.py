"""Tests of `replay/engine`."""
