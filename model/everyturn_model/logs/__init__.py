"""What the log of an agent shows of its sessions, line by line, and what an invariant may conclude from that."""
