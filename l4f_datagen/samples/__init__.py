"""Labelled images that people bring, or that are ours: opened in one way, whichever command asks for them."""
