"""Segmenters, one file per architecture, each of which says what it is called and how it is recognised."""
