"""A data set as pages for a browser: samples are looked at, sorted by their scores, and rejected."""
