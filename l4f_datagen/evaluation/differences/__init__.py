"""Where masks are wrong: sheets of the best, median and worst samples with their mistakes in colour."""
