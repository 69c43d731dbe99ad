"""A pipeline file as a whole: what its stages are, what they left, and the report of it."""
