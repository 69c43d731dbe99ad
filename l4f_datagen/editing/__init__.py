"""Edits of samples and projected photographs that keep the background."""
