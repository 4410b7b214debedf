"""Tests of `replay/testing`."""
