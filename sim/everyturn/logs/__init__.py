"""Real logs: read as partial logs of the specification, matched with it and with the implementation, and told as
faults."""
