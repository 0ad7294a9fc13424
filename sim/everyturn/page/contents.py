"""What a page holds: the schema ``everyturn/page/1``, one JSON document that the page's script reads.

A :class:`Page` has stories, one for each counterexample. A story's runs are ways through a graph of states that the
page carries: all states of a small scope, else those around the run. Whatever occurs often is in a table of the story
and stands elsewhere as its number there.

========== =============================================================================================================
table      what a number stands for
========== =============================================================================================================
``values`` for each column of the shared state, its values as JSON trees (``owners``: the prompts or threads in each)
``places`` a line of source: its file, its number, its function (its text and its neighbours are in ``sources``)
``stands`` where a thread stands: what it waits to do, at which place
``acts``   what one step does: told in words, its operations, what was seen, what it violated
``states`` a state: a number for each column, then a stand for each thread
========== =============================================================================================================

States are written as what differs from an earlier one; ``moves`` has, for each state, the steps that can be made there
as triples: thread, act, next state. A state without known moves has ``null``: the page does not carry what follows.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from everyturn.reports.value_trees import Tree

SCHEMA: Final = "everyturn/page/1"

MOST_STATES: Final = 4_000
"""So many states are carried at most, unless more are asked for: about half a megabyte."""


class Lane(msgspec.Struct, omit_defaults=True):
    """A lane of the diagram: a task, a client who waits for a prompt's completion, or a shared object.

    ``prompt``: whose it is; ``note``: what it is, in words; ``column``: the column whose owners are drawn in it;
    ``ever``: this client waits for ever, as a log says.
    """

    name: str
    kind: Literal["task", "client", "object"]
    prompt: str | None = None
    note: str = ""
    column: int | None = None
    ever: bool = False


class StateColumn(msgspec.Struct, omit_defaults=True):
    """A column of the state. ``owners``: for each value those prompts or threads that hold it, or are in it."""

    name: str
    note: str
    values: list[Tree]
    owners: list[list[str]] = []


class SourceFile(msgspec.Struct):
    """Lines of a source file, by their numbers."""

    file: str
    lines: dict[int, str]


class Stand(msgspec.Struct, omit_defaults=True):
    """Where a thread stands. ``waits``: what it would do next, none: it has ended. ``holder``: the column whose owner
    it waits for, where it cannot go on; ``tasks``: those it waits for. ``blocked``: whether it has to wait there; where
    that is not said, it has to if it can make no move. ``ended``: how, or that it has not begun."""

    waits: str | None = None
    place: int | None = None
    holder: int | None = None
    tasks: list[str] = []
    blocked: bool | None = None
    ended: str = ""


class Deed(msgspec.Struct, omit_defaults=True):
    """One operation: of which lane's object, what it does there, as code, its result, and the line that makes it."""

    lane: str
    verb: Literal["reads", "changes", "locks", "unlocks", "waits"]
    text: str
    result: str = ""
    place: int | None = None


ClientWord = Literal["", "waits", "told", "lost"]
"""What an event means to the client of its prompt."""


class SeenEvent(msgspec.Struct, omit_defaults=True):
    """An event: its kind, the prompt that it is about, and in words. ``client``: the client of the prompt begins to
    wait, or is told, or what would tell him is lost."""

    kind: str
    text: str
    prompt: str | None = None
    client: ClientWord = ""


class BrokenRule(msgspec.Struct):
    """An invariant that is violated, and how."""

    invariant: str
    sentence: str


class Act(msgspec.Struct, omit_defaults=True):
    """What one step does. ``text``: in words; ``plain``: nothing worth telling happens, the words are the operation's.

    ``kind``: of its first operation, for filters.
    """

    text: str
    kind: str
    deeds: list[Deed] = []
    seen: list[SeenEvent] = []
    broken: list[BrokenRule] = []
    plain: bool = False


class Rule(msgspec.Struct, omit_defaults=True):
    """An invariant: what must hold. ``note``: why it is not judged here, if it is not."""

    name: str
    sentence: str
    note: str = ""


class PageAnswer(msgspec.Struct, omit_defaults=True):
    """One answer of the page's first screen. ``steps``: those it speaks of; ``places``: the lines to show with it;
    ``code``: what to read besides."""

    question: str
    answer: str
    steps: list[int] = []
    places: list[int] = []
    code: str = ""


class OtherRun(msgspec.Struct):
    """A run to compare with: it leaves the first one at ``step``; ``way``: the place of each of its moves."""

    name: str
    step: int
    way: list[int]


class Marks(msgspec.Struct, omit_defaults=True):
    """Steps to be marked: the pair whose order decided, the violation, the step after which it was too late; the
    beginning and the end of a loop. A violation at rest has the number of steps."""

    violation: int
    pair: list[int] = []
    too_late: int | None = None
    loop: list[int] = []


class Story(msgspec.Struct, omit_defaults=True):
    """One counterexample. ``kind``: what was run. ``way``: for each step the place of its move among those of its
    state, from state 0 on. ``whole``: all states of the scope are here; else ``carried`` says which.

    ``rests``: what is violated in a state in which nothing can move. ``words``: what the words of the page mean.
    """

    kind: Literal["agent", "scenario", "session", "log"]
    title: str
    name: str
    sentence: str
    rules: list[Rule]
    prompts: list[str]
    lanes: list[Lane]
    columns: list[StateColumn]
    sources: list[SourceFile]
    places: list[tuple[int, int, str]]
    stands: list[Stand]
    acts: list[Act]
    states: list[list[int]]
    moves: list[list[tuple[int, int, int]] | None]
    rests: dict[int, list[BrokenRule]]
    way: list[int]
    marks: Marks
    claims: list[PageAnswer]
    words: list[str] = []
    whole: bool = False
    carried: str = ""
    others: list[OtherRun] = []
    token: str = ""
    commands: list[str] = []


class Page(msgspec.Struct):
    """The whole page. ``made``: by which version; ``stories``: at least one."""

    title: str
    made: str
    stories: list[Story]
    schema: str = SCHEMA
