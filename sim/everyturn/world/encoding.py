"""Values of a dispatcher, as engines compare them."""

from __future__ import annotations

from typing import Final

from everyturn.identity.encoder import Encoder

TRUSTED: Final = ("everyturn", "everyturn_impl", "everyturn_model")
"""Packages whose functions and classes keep nothing: the project's own."""


def encoder(known: tuple[object, ...] = (), *, ordered: bool = True) -> Encoder:
    """An encoder of what dispatchers work with; ``known`` objects are what they are.

    Not ``ordered``: nobody goes through the sets that are encoded, so that it is no matter in which order they would
    be.
    """
    return Encoder(known, trusted=TRUSTED, ordered=ordered)
