"""The dispatcher of an LLM agent: async code against ports, in every revision that is under study."""
