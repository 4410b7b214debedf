"""What is the same for every detector: it knows none of them."""
