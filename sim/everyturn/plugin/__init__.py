"""Where everyturn meets pytest: a marker, a fixture, asynchronous tests explored in all their schedules."""
