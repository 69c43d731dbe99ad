"""Pictures that people bring: found, opened and decoded in one way, whichever command asks for them."""
