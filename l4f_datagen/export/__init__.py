"""Data sets in the formats of other programs: one file per format. Never imports torch."""
