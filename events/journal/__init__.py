"""All events of a history as growing columns, with an index by actor."""
