"""What must hold for an agent's dispatcher: events, the life of a prompt, the specification, the invariants."""
