"""One run through SimPy, in which a strategy decides who goes on."""
