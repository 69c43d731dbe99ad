"""The paper's tables: its own numbers, and those of an experiment beside them."""
