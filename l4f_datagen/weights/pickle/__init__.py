"""Reads pickles without running them: a machine of our own builds plain values, and knows one list of globals."""
