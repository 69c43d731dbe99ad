"""Files and folders, here and behind addresses: written whole or not at all, and by one writer at a time."""
