"""Masks as run lengths, and as polygons beside them, in the ways of the programs that write them."""
