"""The event store: one append-only file of checksummed, chained frames, read and written."""
