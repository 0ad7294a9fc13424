"""Timed studies: the dispatcher under load, faults and impatient users, on SimPy's clock. See ``docs/studies.md``."""
