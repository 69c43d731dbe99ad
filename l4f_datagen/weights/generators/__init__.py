"""What generators of checkpoints are beside one network: classes, and what a training goes on with."""
