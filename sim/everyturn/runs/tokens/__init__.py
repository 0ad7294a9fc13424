"""Tokens: a run in a word, its steps named so that the word survives a change of the code."""
