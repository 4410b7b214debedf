"""The commands that look at a finished or unfinished history, a module for each.

A module has ``add_arguments(parser)`` and ``run(options)``, which returns the exit
status; it is imported only when its command is given.
"""
