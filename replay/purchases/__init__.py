"""The first detector: purchases that are anomalous for the buyer's network."""
