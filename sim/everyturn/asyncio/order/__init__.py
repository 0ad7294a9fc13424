"""What is open within one iteration of the loop: orders of ready callbacks and of sets, and of moments in time."""
