"""What a generator's layers do: which resolutions shape the foreground, which layer draws it."""
