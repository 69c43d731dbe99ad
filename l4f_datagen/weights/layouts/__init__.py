"""One file per family of checkpoints. Each declares its ``LAYOUT``, which is all that others know of it."""
