"""Data set folders: what is in them, writing and reading them. Never imports torch."""
