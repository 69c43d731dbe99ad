"""Data set folders: how they are laid out, written and read. Nothing here imports torch."""
