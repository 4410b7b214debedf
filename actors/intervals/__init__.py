"""The actors of the second detector: one for each key, their coordinator and the sink."""
