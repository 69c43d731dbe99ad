"""One picture's file: what it is, whether it may be decoded, and its pixels."""
