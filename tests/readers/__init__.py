"""Other programs' readers: one table, of which the tests, ``make readers`` and docs/ecosystem.md are made."""
