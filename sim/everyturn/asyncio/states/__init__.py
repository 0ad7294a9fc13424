"""When two states of a program are one: everything that it can still see, as a value."""
