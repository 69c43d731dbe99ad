"""Training a segmenter on labelled images (Labels4Free, 4.3)."""
