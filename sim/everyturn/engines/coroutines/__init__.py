"""The real coroutines, resumed: what a thread does next after what it has been told."""
