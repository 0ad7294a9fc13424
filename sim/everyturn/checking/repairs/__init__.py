"""The smallest sets of repairs that make a promise hold: which, proved, and why nothing less will do."""
