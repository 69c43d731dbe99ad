"""One file per family of checkpoints. Each declares its ``LAYOUT``, which is all that the other files know of it."""
