"""Data sets made shard by shard: what all makers share, worlds rendered, labelled images imported."""
