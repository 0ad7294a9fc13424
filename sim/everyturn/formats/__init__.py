"""Formats of others: one module for each, which reads or writes it and knows nothing of verdicts."""
