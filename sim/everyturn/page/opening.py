"""What a page is made of: a token, a trace, a result with several counterexamples, a log."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from everyturn import __version__
from everyturn.asyncio.checking import explain_token
from everyturn.asyncio.runtime.running import Scenario
from everyturn.asyncio.runtime.scenarios import find
from everyturn.asyncio.runtime.tokens import PREFIX as TOKEN_PREFIX
from everyturn.asyncio.runtime.tokens import is_token
from everyturn.errors import UsageError
from everyturn.explanation.explain import explain_source
from everyturn.explanation.no_return import BUDGET
from everyturn.files.reading import MAX_LINE, LogFile
from everyturn.logs.history import AS_IT_IS, Reading
from everyturn.page.agents import agent_story
from everyturn.page.contents import MOST_STATES, Page, Story
from everyturn.page.logs import log_stories
from everyturn.page.scenarios import program_story
from everyturn.printing import printable
from everyturn.sessions.adapter import Session
from everyturn.sessions.by_name import workload_of
from everyturn.verdicts.selection import Wanted
from everyturn.verdicts.verdict import RESULT_SCHEMA, Result
from everyturn_impl.dispatcher import Dispatcher

STATES_OF_A_RUN: Final = 25
"""A budget of states is one of so many times fewer runs."""
LONGEST: Final = 64_000_000
"""Longer result documents are not read, in bytes."""
MOST_REMEDIES: Final = 3
"""For so many of a page's counterexamples a change is looked for."""
MOST_STORIES: Final = 40
"""So many counterexamples are told in one page at most."""


_NO_LOG: Final = (RESULT_SCHEMA.encode(), b'"everyturn/trace/', TOKEN_PREFIX.encode(), b"et1-", b"et2-")
"""What the first line of a file has in it that is no log."""


class Opened(NamedTuple):
    """What to tell of: a run, and which of its violations; none: the first."""

    source: str
    invariant: Wanted | None


class Asking(NamedTuple):
    """How runs are to be made again: what runs in place of what they name, and what is looked at.

    ``reading``: how a log is to be read.
    ``scenario`` and ``session``: the asyncio program, or the adapter, whose runs they are.
    ``budget``: states in search of the point of no return; ``states``: how many a page carries; ``strayed`` is told
    where a run leaves the recorded one. ``remedies``: look for a change that is proved to cure a run.
    """

    invariants: Sequence[Wanted] = ()
    agent: str | type[Dispatcher] | None = None
    budget: int = BUDGET
    states: int = MOST_STATES
    strayed: Callable[[str], None] | None = None
    remedies: bool = True
    scenario: str | Scenario | None = None
    session: str | type[Session] | None = None
    reading: Reading = AS_IT_IS


def page_of(source: str, asking: Asking = Asking()) -> Page:  # noqa: B008 # it cannot be changed
    """The page of a token, a trace file, a result document or a log.

    Raises :class:`UsageError` for what is none of them, and for a run that violates nothing of what is asked for.
    """
    stories = list(_stories(source, asking))
    title = stories[0].title if len(stories) == 1 else f"{len(stories)} counterexamples"
    return Page(printable(title), f"everyturn {__version__}", stories)


def _stories(source: str, asking: Asking) -> list[Story]:
    if _is_log(source, asking):
        return list(islice(log_stories(Path(source), asking.reading), MOST_STORIES))
    runs = list(_runs(source, asking))
    if not runs:
        raise UsageError(f"{source}: expected a result with a token of a violation; found none")
    told = runs[:MOST_STORIES]
    each = asking._replace(states=max(1, asking.states // len(told)))
    return [
        _story(run, each._replace(remedies=each.remedies and place < MOST_REMEDIES)) for place, run in enumerate(told)
    ]


def _is_log(source: str, asking: Asking) -> bool:
    """Whether a source is a log: a file that is no result, no trace, and holds no token."""
    if asking.reading is not AS_IT_IS:
        return True
    try:
        path = Path(source)
        if not path.is_file():
            return False
        with LogFile(path) as file:
            first = b"".join(file.readline(MAX_LINE + 1) for _ in range(3))
    except (OSError, ValueError):
        return False
    return not any(sign in first for sign in _NO_LOG)


def _runs(source: str, asking: Asking) -> Iterator[Opened]:
    result = _result_in(source)
    if result is None:
        yield from (Opened(source, each) for each in asking.invariants or (None,))
        return
    asked = [each if isinstance(each, str) else each.name for each in asking.invariants]
    for cell in result.cells:
        judged = {**cell.invariants, **({} if cell.conforms is None else {"conforms": cell.conforms})}
        for name, said in judged.items():
            if said.token is not None and (not asked or name in asked):
                yield Opened(said.token, name)


def _result_in(source: str) -> Result | None:
    """The result document in a file; none if it is no file, or holds something else."""
    try:
        path = Path(source)
        if not path.is_file():
            return None
        with path.open("rb") as file:
            contents = file.read(LONGEST)
    except (OSError, ValueError):
        return None
    if f'"{RESULT_SCHEMA}"'.encode() not in contents[:400]:
        return None
    try:
        return msgspec.json.decode(contents, type=Result)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise UsageError(f"{source}: expected a result document ({RESULT_SCHEMA}): {error}") from error


def _story(run: Opened, asking: Asking) -> Story:
    if asking.session is not None or asking.scenario is not None or is_token(run.source):
        return _of_a_program(run, asking)
    own = [each for each in asking.invariants if not isinstance(each, str)]
    wanted = [next((each for each in own if each.name == run.invariant), run.invariant)] if run.invariant else own
    found = explain_source(run.source, wanted, budget=asking.budget, agent=asking.agent, strayed=asking.strayed)
    return agent_story(found, agent=asking.agent, own=own, most=asking.states, remedies=asking.remedies)


def _of_a_program(run: Opened, asking: Asking) -> Story:
    """The story of a run of an asyncio program, or of a session behind an adapter."""
    scenario: str | Scenario | None = asking.scenario
    if asking.session is not None:
        scenario = workload_of(run.source, asking.session)
    kind = run.invariant if run.invariant is None or isinstance(run.invariant, str) else run.invariant.name
    found = explain_token(run.source, scenario, kind, budget=max(1, asking.budget // STATES_OF_A_RUN))
    assert scenario is not None
    return program_story(found, find(scenario), most=asking.states)
