"""How far work is: plain values that the work reports, and the line that people watch.

Whoever works calls ``report`` with a ``Progress``; who shows it, and where, is the caller's.
"""
