"""Data sets and checkpoints made ready for a hub: the cards that go with them."""
