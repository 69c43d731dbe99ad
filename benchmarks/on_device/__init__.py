"""The parts of ``benchmarks.gpu``: each yields rows of one table."""
