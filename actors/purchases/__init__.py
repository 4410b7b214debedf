"""The actors of the first detector: users, their coordinator and the sink."""
