"""Linear monitors: judge a log of ``everyturn/log/1`` line by line, as long as it is, while it grows.

``order`` puts the lines in order and finds what is missing, ``session`` remembers what is open, ``monitors`` are the
invariants that need no search, ``watch`` joins them.
"""
