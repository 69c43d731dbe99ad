"""Labelled images that somebody else made, as a sequence to import."""
