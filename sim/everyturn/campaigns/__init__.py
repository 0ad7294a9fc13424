"""Campaigns: many questions about many agents, on all cores, with an index from which they go on after any end."""
