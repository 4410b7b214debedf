"""The events of the second detector, and the rows that tell of them."""
