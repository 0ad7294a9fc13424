"""Exercises that the tool checks: code to mend or to break, and whether that is proved of what somebody wrote."""
