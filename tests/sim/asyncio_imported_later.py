"""Imported by what a scenario imports, before that is all there."""
