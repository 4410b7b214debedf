"""Who acts: the dispatcher, the user actors, the coordinator and the sink.

This package knows `events` and nobody else.
"""
