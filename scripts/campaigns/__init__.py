"""Campaigns against the program: many cases of one kind of misfortune, a module each."""
