"""Photographs → codes of a generator that draws them again: optimised, or guessed by an encoder and then refined."""
