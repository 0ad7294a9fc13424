"""Any asyncio program, unmodified: first in, first out where asyncio is, every order of the outside world."""
