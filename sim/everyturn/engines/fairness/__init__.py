"""Runs that never end: who waits for ever although everybody gets a turn."""
