"""What is behind things: the ground, and what stands where it ends."""
