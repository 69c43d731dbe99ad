"""Training an alpha network on a frozen generator (Labels4Free, 3.3)."""
