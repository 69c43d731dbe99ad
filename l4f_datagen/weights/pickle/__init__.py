"""Pickles, read by a machine of our own that runs none of their program text and allows what is on one list."""
