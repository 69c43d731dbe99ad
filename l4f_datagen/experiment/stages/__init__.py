"""One file per stage: its command, where it stands in a plan, who does it, what a report says of it.

A file here, and its settings, are all that there is to know of a stage: no table names them.
"""
