"""The front door: what ``import everyturn`` gives, one call for each thing that a researcher does."""
