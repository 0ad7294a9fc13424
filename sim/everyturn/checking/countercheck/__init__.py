"""No proof without a counter-check: tables against the real coroutines."""
