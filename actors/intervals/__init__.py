"""The actors of the second detector: shards that own the keys, their coordinator and the sink."""
