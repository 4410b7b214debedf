"""The events of the first detector, and the lines that tell of them."""
