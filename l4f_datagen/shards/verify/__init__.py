"""Every byte of a data set looked at, and bad shards made again."""
