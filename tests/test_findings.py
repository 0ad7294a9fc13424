"""Every counterexample that the findings page shows can be made again."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from everyturn.engines.simpy.replay import replay

PAGE = (Path(__file__).parent.parent / "docs" / "findings.md").read_text()


def shown() -> list[tuple[str, str]]:
    """The invariant that a section is about, and each token in it."""
    pairs = []
    for section in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]:
        name = section.split()[0]
        pairs += [(name, token) for token in re.findall(r"everyturn replay (et2-\S+)", section)]
    return pairs


def test_the_page_shows_counterexamples() -> None:
    """Otherwise the next test would look at nothing."""
    assert len(shown()) > 25


@pytest.mark.parametrize(("invariant", "token"), shown())
def test_a_counterexample_of_the_page_violates_what_its_section_says(invariant: str, token: str) -> None:
    """The run is the recorded one, and the invariant is among those that it violates."""
    replayed = replay(token)
    assert replayed.strayed is None
    assert invariant in {finding.invariant for _, finding in replayed.findings}
