"""Every counterexample that the findings page shows can be made again."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from everyturn.engines.simpy.replay import replay

DOCS = Path(__file__).parent.parent / "docs"
PAGE = (DOCS / "findings.md").read_text()
NEWEST = re.findall(
    r"^# (\S+) at (\S+), (?:\d+ steps|violated after \d+ steps)\neveryturn replay (et2-\S+)$",
    (DOCS / "newest.md").read_text(),
    re.MULTILINE,
)


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


def test_the_page_of_the_newest_commit_shows_counterexamples() -> None:
    """One for each invariant that is refuted there, at least."""
    assert len(NEWEST) >= 20
    assert len({invariant for invariant, _, _ in NEWEST}) >= 10


@pytest.mark.parametrize(("invariant", "scope", "token"), NEWEST)
def test_a_counterexample_of_the_newest_commit_violates_what_its_line_says(
    invariant: str, scope: str, token: str
) -> None:
    """In the scope that is named, at `d10`."""
    replayed = replay(token)
    assert (replayed.strayed, replayed.run.revision, replayed.run.scope) == (None, "d10-newest", scope)
    assert invariant in {finding.invariant for _, finding in replayed.findings}


@pytest.mark.parametrize("token", re.findall(r"everyturn replay (et2-\S+)", (DOCS / "repairs.md").read_text()))
def test_a_run_that_refutes_a_smaller_set_of_repairs_does(token: str) -> None:
    """By `no-hang`, with the repairs that the token names."""
    replayed = replay(token)
    assert replayed.strayed is None
    assert "+" in replayed.run.revision
    assert "no-hang" in {finding.invariant for _, finding in replayed.findings}
