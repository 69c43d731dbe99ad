"""Training a generator on photographs (StyleGAN2, StyleGAN2-ADA)."""
