"""One run: what was decided, what was seen, and how it is written down."""
