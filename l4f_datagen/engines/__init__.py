"""Who makes which shard: this process, several of this machine, or a Ray cluster."""
