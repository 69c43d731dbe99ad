"""Where the numbers of a training can go, a file each; ``progress.tracker`` says what they have in common."""
