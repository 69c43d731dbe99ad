"""Training a layered generator, the baseline PSeg (Bielski and Favaro 2019)."""
