"""The kinds of files that hold checkpoints: bytes → inert values, with tensors in them that are read on demand."""
