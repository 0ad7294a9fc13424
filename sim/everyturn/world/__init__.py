"""What runs: the threads of a scope, an agent, and the shared objects."""
