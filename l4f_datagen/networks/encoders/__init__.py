"""Networks that give codes for images."""
