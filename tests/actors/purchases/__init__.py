"""Tests of `actors/purchases`."""
