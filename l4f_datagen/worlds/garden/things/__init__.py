"""Things that stand in a garden: each kind draws itself as parts, in a frame."""
