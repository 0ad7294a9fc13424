"""The engines: the exhaustive explorer, and the SimPy environment that chooses."""
