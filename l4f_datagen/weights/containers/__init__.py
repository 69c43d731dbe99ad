"""The files that checkpoints come in: bytes → inert values with tensors in them that are loaded when asked for."""
