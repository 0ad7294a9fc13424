"""Makes the recorded counterexamples anew after a change of what runs are made of: ``make renew``.

These are the traces of ``tests/traces`` and the tokens of ``docs/findings.md``. Each is replayed; if the run is no
longer the recorded one, it is followed as far as it can be. What comes of it takes the place of the old one if it
violates the same invariant and tells the same story (:data:`~tests.test_causes.STORIES`); else the explorer is asked
for other counterexamples. Those that could not be renewed are left as they are and named, and the exit code is 1.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from tests.test_causes import tells

from everyturn.checking.check import check
from everyturn.engines.simpy.replay import Replayed, replay
from everyturn.errors import EveryturnError
from everyturn.runs import trace
from everyturn.runs.run import Run
from everyturn.verdicts.verdict import InvariantResult

ROOT: Final = Path(__file__).parent.parent
TRACES: Final = ROOT / "tests" / "traces"
PAGE: Final = ROOT / "docs" / "findings.md"
CANDIDATES: Final = 8
"""So many counterexamples of the explorer are looked at."""
_TOKEN: Final = re.compile(r"(?<=everyturn replay )et\d-\S+")


class Shown(NamedTuple):
    """A token of the page: the invariant that its section is about, and the cause that it is shown for."""

    invariant: str
    cause: str
    token: str


def shown(page: str) -> Iterator[Shown]:
    """The tokens of a page, in their order."""
    for section in re.split(r"^## ", page, flags=re.MULTILINE)[1:]:
        for part in re.split(r"^\*\*(?=[A-Z]\d+\. )", section, flags=re.MULTILINE):
            for token in _TOKEN.findall(part):
                yield Shown(section.split()[0], part.partition(".")[0], token)


def renewed(source: str, invariants: list[str], cause: str, agent: str | None = None) -> Run | None:
    """The run that takes the place of the one of a token or a trace file; none if there is none. ``agent``: what it
    runs."""
    replayed = replay(source, agent=agent)
    if _violates(replayed, invariants) and (replayed.strayed is None or tells(cause, replayed.run)):
        return replayed.run
    run = replayed.run
    found = check(
        run.revision, run.scope, granularity=run.granularity, invariants=invariants, counterexamples=CANDIDATES
    )
    others = (replay(token, agent=agent) for judged in found.cell.invariants.values() for token in _tokens(judged))
    return next((other.run for other in others if _violates(other, invariants) and tells(cause, other.run)), None)


def _tokens(judged: InvariantResult) -> Iterator[str]:
    if judged.token is not None:
        yield judged.token
    yield from (each.token for each in judged.others)


def _violates(replayed: Replayed, invariants: list[str]) -> bool:
    return set(invariants) <= {finding.invariant for _, finding in replayed.findings}


def renew_traces() -> Iterator[tuple[str, str]]:
    """Renew the trace files: the name of each that was not as before, and what became of it."""
    for path in sorted(TRACES.glob("*.jsonl")):
        header = trace.read(path).header
        try:
            run = renewed(str(path), header.violates, path.stem.split("-")[0], header.revision)
        except EveryturnError as error:
            yield path.name, f"NOT renewed: {error}"
            continue
        if run is None:
            yield path.name, "NOT renewed: no run was found that shows the same"
            continue
        contents = trace.write(
            run,
            engine=header.engine,
            strategy=header.strategy,
            seed=header.seed,
            number=header.run,
            violates=header.violates,
        )
        if contents != path.read_bytes():
            path.write_bytes(contents)
            yield path.name, "renewed"


def renew_page() -> Iterator[tuple[str, str]]:
    """Renew the tokens of the page, likewise."""
    page = PAGE.read_text()
    for invariant, cause, token in shown(page):
        try:
            run = renewed(token, [invariant], cause)
        except EveryturnError as error:
            yield f"{PAGE.name}, {cause}", f"NOT renewed: {error}"
            continue
        if run is None:
            yield f"{PAGE.name}, {cause}", "NOT renewed: no run was found that shows the same"
        elif run.token != token:
            PAGE.write_text(PAGE.read_text().replace(token, run.token))
            yield f"{PAGE.name}, {cause}", "renewed"


def main() -> int:
    """Renew everything, and tell of what was not as before."""
    failed = False
    for renew in (renew_traces, renew_page):
        for name, what in renew():
            print(f"{name}: {what}")
            failed |= what.startswith("NOT")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
