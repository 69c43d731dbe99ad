"""Training an encoder: images → codes of one generator."""
