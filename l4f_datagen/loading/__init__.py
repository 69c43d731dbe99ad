"""Data set folders for trainers: the torch side of reading shards."""
