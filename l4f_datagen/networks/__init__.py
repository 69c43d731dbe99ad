"""Pure torch networks: no files, no clock, nothing compiled."""
