"""The files that masks are stored in."""
