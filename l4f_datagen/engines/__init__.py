"""Who makes which shard."""
