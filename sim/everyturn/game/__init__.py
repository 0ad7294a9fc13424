"""A game in which the player is the scheduler: small dispatchers, each with a goal, explored before they are shown."""
