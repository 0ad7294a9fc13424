"""Every interleaving, a level at a time: states by number, steps and judgements as tables."""
