"""The loop, the world outside of it, and one run of a program between the two."""
