"""Connections in memory: what a selector loop asks of the kernel, with every choice that a network has."""
