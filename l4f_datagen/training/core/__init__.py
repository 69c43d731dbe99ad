"""What every training has: a folder, a log, a share of the processes, checkpoints to go on from."""
