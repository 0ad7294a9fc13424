"""What is known by value, what a state is, and what may not change: decided here, for everything that has to know.

:mod:`~everyturn.identity.anatomy` says what any value is made of and whether it can change, and refuses what cannot be
looked into. :mod:`~everyturn.identity.encoder` writes values down by it: equal encodings, equal futures.
:mod:`~everyturn.identity.memory` walks along it through all that outlives a frame, and notices when that changes.

Nothing here knows ports, worlds or engines.
"""
