"""Time as in a simulation: latencies in virtual seconds, timers that fire at their time, SimPy processes beside."""
