"""An explanation of a scenario's run as text, and as data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from everyturn.asyncio.runtime.findings import KINDS
from everyturn.asyncio.runtime.scenarios import parts_of
from everyturn.asyncio.runtime.tokens import token
from everyturn.asyncio.telling.explaining import ExplainedScenario, PassingScenario, told
from everyturn.asyncio.telling.waiting import told as who_waits
from everyturn.verdicts.checker import CONFORMS

SCHEMA: Final = "everyturn/scenario-explanation/1"


def lines(found: ExplainedScenario) -> Iterator[str]:
    """The explanation, line by line."""
    yield f"{' '.join(parts_of(found.name)).rstrip()}, --order {found.setting.order}{' --eager' * found.setting.eager}"
    yield f"✗ {found.finding.kind}: {found.finding}"
    if found.meaning:
        yield f"  {found.meaning}"
    yield ""
    yield from found.lines
    if found.waiting:
        yield ""
        yield "at rest"
        yield from (f"  {each}" for each in who_waits(found.waiting).split("; "))
    yield ""
    yield from _decided(found)
    yield from _lost(found)
    yield from _passing(found)
    yield _on_asyncio(found)


def _decided(found: ExplainedScenario) -> Iterator[str]:
    if not found.outcome.complete:
        yield "the run never comes to rest: what decided is not looked for"
        return
    pair = found.pair
    if pair is None:
        yield "no two things were found whose other order spares the run its fault"
        return
    yield f"what decided, at choice {pair.decision}: {told(pair.first)!r} before {told(pair.second)!r}"
    yield f"  the other way round {_without(found.finding.kind)}"


def _without(kind: str) -> str:
    if kind in KINDS:
        return f"there is no {kind}"
    return "the run conforms" if kind == CONFORMS else f"{kind} holds"


def _shows(found: ExplainedScenario) -> str:
    kind, scope = found.finding.kind, parts_of(found.name)[1]
    if kind in KINDS:
        return f"of this {'session in this scope' if scope else 'scenario'} shows {kind}"
    return f"of this session in scope {scope} {'does not conform' if kind == CONFORMS else f'violates {kind}'}"


def _lost(found: ExplainedScenario) -> Iterator[str]:
    lost = found.lost
    if not found.outcome.complete:
        return
    if lost is None:
        yield "when it was too late is not known: there are too many ways to go on (--budget)"
    elif lost.decision == 0:
        yield f"too late from the beginning: every run {_shows(found)}"
    else:
        yield f"too late after choice {lost.decision}, {told(lost.word)!r}: whatever comes then, it ends in this"


def _passing(found: ExplainedScenario) -> Iterator[str]:
    passing = found.passing
    if passing is None:
        return
    yield f"the nearest run that passes: the same up to choice {passing.decision}, and there {told(passing.instead)!r}"
    yield f"  instead of {told(passing.taken)!r}"


def _on_asyncio(found: ExplainedScenario) -> str:
    if found.beyond_asyncio is not None:
        return f"asyncio's own loop cannot make this run: {found.beyond_asyncio}"
    return "asyncio's own loop can make this run: --script FILE writes a script that does, without everyturn"


def document(found: ExplainedScenario) -> dict[str, Any]:
    """The explanation as data."""
    return {
        "schema": SCHEMA,
        "scenario": parts_of(found.name)[0],
        "scope": parts_of(found.name)[1],
        "order": found.setting.order,
        "kind": found.finding.kind,
        "sentence": str(found.finding),
        "token": token(found.name, found.outcome.decisions, found.setting),
        "decisions": [{"kind": each.kind, "word": each.word} for each in found.outcome.decisions],
        "story": found.lines,
        "waiting": [each._asdict() for each in found.waiting],
        "pair": None if found.pair is None else found.pair._asdict(),
        "too_late": None if found.lost is None else found.lost._asdict(),
        "passing": None if found.passing is None else _without_choices(found.passing),
        "beyond_asyncio": found.beyond_asyncio,
    }


def _without_choices(passing: PassingScenario) -> dict[str, Any]:
    """The nearest run that passes, as it is told."""
    return {name: value for name, value in passing._asdict().items() if name != "recorded"}
