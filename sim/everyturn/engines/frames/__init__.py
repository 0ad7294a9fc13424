"""Suspended coroutines as values."""
