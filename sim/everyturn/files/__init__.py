"""Files: read within bounds, written beside and put in place."""
