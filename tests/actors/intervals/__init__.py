"""Tests of `actors/intervals`."""
