"""The paper's evaluation: masks against truth, alpha networks against references, segmenters, distances of sets."""
