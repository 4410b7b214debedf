"""Tests of `replay/debugger`."""
