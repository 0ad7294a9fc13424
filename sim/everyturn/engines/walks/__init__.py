"""Thousands of random runs at once, over the explorer's tables."""
