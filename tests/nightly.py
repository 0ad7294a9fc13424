"""What is too much for every run of the tests: ``EVERYTURN_NIGHTLY=1`` makes it, and another number so many of what is
made at random."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from itertools import product
from typing import Any, Final

import pytest

NIGHTLY: Final = os.environ.get("EVERYTURN_NIGHTLY", "")


def how_many(here: int, nightly: int) -> int:
    """So many ``here``, so many with ``EVERYTURN_NIGHTLY=1``; with another number, that many."""
    return {"": here, "1": nightly}.get(NIGHTLY) or int(NIGHTLY)


at_night: Final = pytest.mark.skipif(not NIGHTLY, reason="for EVERYTURN_NIGHTLY=1")


def nightly(*values: Any) -> Any:
    """These parameters of a test for the night; smaller ones of the same kind are tried each time."""
    return pytest.param(*values, marks=at_night)


def one_in(many: int, *lists: Iterable[Any]) -> list[Any]:
    """Every combination of these lists' values: one in ``many`` each time, so that each value comes, all by night."""
    return [
        values if sum(places) % many == 0 else nightly(*values)
        for combination in product(*(enumerate(values) for values in lists))
        for places, values in [zip(*combination, strict=True)]
    ]


def thinned(many: int) -> pytest.MarkDecorator:
    """Of a test's cases one in ``many`` each time, the first among them; all by night (``conftest.py`` skips the
    rest)."""
    return pytest.mark.thinned(many)


def thin_out(items: Iterable[pytest.Item]) -> None:
    """Skip what :func:`thinned` leaves for the night."""
    met: Counter[str] = Counter()
    for item in () if NIGHTLY else items:
        mark = item.get_closest_marker("thinned")
        if mark is not None and not any(each.args[0] for each in item.iter_markers("skipif")):
            name = item.nodeid.partition("[")[0]
            if met[name] % mark.args[0]:
                item.add_marker(at_night)
            met[name] += 1
