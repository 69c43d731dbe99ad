"""How networks learn: runs, losses, real images, and one loop per network."""
