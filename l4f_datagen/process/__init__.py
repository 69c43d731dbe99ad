"""The process that runs: its signals, its standard streams, its memory, and how long it waits for others."""
