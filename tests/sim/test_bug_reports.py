"""`everyturn validate --report`: what a bug report tells, and that a hostile log cannot speak through it."""

from __future__ import annotations

from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner, Result

from everyturn.cli import main
from everyturn.formats.everyturn_log import KINDS, LogHeader, LogLine, LogSnapshot, encode
from everyturn.logs.conforming import conform
from everyturn.logs.excerpt import Sign, excerpt, lines_of
from everyturn.logs.faults import BY_GUARD, RefusedRuns, faults
from everyturn.logs.reproduction import reproduce
from everyturn.logs.words import words
from everyturn.reports.bug import BugReport, bug_report
from everyturn_model.events import EVENT_TYPES
from everyturn_model.invariants import BY_NAME
from everyturn_model.spec import ACTIONS

RECORDINGS: Final = Path(__file__).parents[2] / "recordings"
HOSTILE: Final = "<script>alert(1)</script>\x1b[2J|`x`\u202e![](http://e.vil)"


@cache
def found(name: str) -> list[RefusedRuns]:
    return faults(conform([RECORDINGS / f"{name}.jsonl"]).runs)


@cache
def report(name: str) -> BugReport:
    return bug_report(conform([RECORDINGS / f"{name}.jsonl"]), "everyturn validate x", lambda *asked: None)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["validate", *map(str, arguments)])


def hanging(path: Path, name: str) -> Path:
    """A log in which the client of a prompt of that name hangs."""
    lines = (
        LogLine(kind="submit", session=name, prompt=name, run_id=name),
        LogLine(kind="started", session=name, prompt=name, thread=name),
        LogLine(kind="ended", session=name, prompt=name, outcome="finished"),
        LogLine(kind="rest", session=name),
    )
    path.write_bytes(encode(LogHeader(agent=name)) + b"".join(map(encode, lines)))
    return path


class _Tags(HTMLParser):
    """What a browser would take for markup."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "srcset", "action", "style")]
        assert not any(name.startswith("on") for name, _ in attrs)


def markup(text: str) -> _Tags:
    parser = _Tags()
    parser.feed(text)
    return parser


# faults -------------------------------------------------------------------------------------------------------------


def test_faults_are_grouped_by_cause() -> None:
    """Each cause once, by the guard that refused first, with its count, most frequent first."""
    assert [(fault.guard, len(fault.runs), fault.anywhere, fault.of) for fault in found("d4-random")] == [
        ("start-holds-nothing", 14, 14, 100),
        ("rest-queue-empty", 4, 9, 100),
        ("rest-queue-empty", 3, 9, 100),
        ("nothing-active", 1, 2, 100),
        ("nothing-active", 1, 2, 100),
        ("notice-of-own-error", 1, 1, 100),
    ]


def test_agents_are_told_apart() -> None:
    """The same rule broken by two agents is two faults, each with the count of that agent's runs."""
    both = conform([RECORDINGS / "d3-random.jsonl", RECORDINGS / "d4-random.jsonl"])
    left = [fault for fault in faults(both.runs) if fault.guard == "rest-queue-empty"]
    failed, cancelled = (
        "still in the queue after a turn that failed",
        "still in the queue after a turn that was cancelled",
    )
    assert [(fault.shown.revision, fault.how, len(fault.runs), fault.of) for fault in left] == [
        ("d4-independent", failed, 4, 100),
        ("d4-independent", cancelled, 3, 100),
        ("d3-locked-drain", cancelled, 1, 100),
        ("d3-locked-drain", failed, 1, 100),
    ]


def test_clients_that_nobody_told_are_told_apart_by_what_became_of_them() -> None:
    """d3 tells nobody of a drop, of a clear, and of a turn that hands over: one guard, three causes.

    Run 70 has two of them: p2's turn finished and handed over, and p4 was dropped. It counts for both.
    """
    causes = {fault.how: fault for fault in found("d3-random") if fault.guard == "rest-all-told"}
    assert {how: len(fault.runs) for how, fault in causes.items()} == {
        "which was dropped": 22,
        "whose turn finished and handed over": 11,
        "which was cleared": 5,
    }
    assert [how for how, fault in causes.items() if 70 in {each.run for each in fault.runs}] == [
        "which was dropped",
        "whose turn finished and handed over",
    ]
    for how, fault in causes.items():
        assert f", {how};" in fault.title


def sessions(path: Path, *stories: tuple[int, str]) -> list[RefusedRuns]:
    """What is wrong in a log of so many sessions with each story: lines ``kind prompt field=value``, with semicolons.

    p1 and p2 have run ids, and threads are one worker's.
    """
    lines: list[LogLine] = []
    numbered = [story for count, story in stories for _ in range(count)]
    for number, story in enumerate(numbered):
        for part in story.split("; "):
            kind, *words = part.split()
            fields: dict[str, Any] = dict(each.split("=") for each in words if "=" in each)
            names = [each for each in words if "=" not in each]
            if names:
                fields["operation" if kind.startswith(("cancel", "clear", "summary")) else "prompt"] = names[0]
            if kind == "submit":
                fields["run_id"] = f"r{names[0]}"
            if kind == "rest":
                fields["snapshot"] = LogSnapshot(queue=tuple(names))
                fields.pop("prompt", None)
            lines.append(LogLine(kind=kind, session=f"s{number}", **fields))  # type: ignore[arg-type]
    kinds: Any = frozenset(KINDS) - {"message", "stream_start", "stream_end", "submitted"}
    path.write_bytes(encode(LogHeader(agent="a", kinds=kinds)) + b"".join(map(encode, lines)))
    return faults(conform([path]).runs)


BUSY: Final = "submit p1; started p1; submit p2; queued p2; "
LATE: Final = "submit p1; started p1; cancel_call c; cancel_return c; submit p2; queued p2; "
FAILED: Final = "ended p1 outcome=failed; told p1 outcome=failed; "
CANCELLED: Final = "ended p1 outcome=cancelled; told p1 outcome=cancelled; "
FINISHED: Final = "ended p1 outcome=finished; told p1 outcome=finished; "
DROPPED: Final = "cancel_call c; cancel_return c; dropped p2 reason=covered; "
CLEARED: Final = "clear_call c; clear_return c; dropped p2 reason=cleared; "


@pytest.mark.parametrize(
    ("guard", "stories"),
    [
        (
            "rest-queue-empty",
            {
                "still in the queue after a turn that failed": f"{BUSY}{FAILED}rest p2 ",
                "still in the queue after a turn that was cancelled": f"{LATE}{CANCELLED}rest p2 ",
                "entered the queue and, as far as any line tells, never left it after a turn that finished": (
                    f"{BUSY}{FINISHED}rest"
                ),
            },
        ),
        (
            "rest-all-told",
            {
                "which was dropped": f"{BUSY}{DROPPED}{CANCELLED}rest",
                "which was cleared": f"{BUSY}{CLEARED}{FINISHED}rest",
                "whose turn failed": "submit p1; started p1; ended p1 outcome=failed; rest",
            },
        ),
        (
            "true-outcome",
            {
                "finished, failed": "submit p1; started p1; ended p1 outcome=failed; told p1 outcome=finished; rest",
                "failed, finished": "submit p1; started p1; ended p1 outcome=finished; told p1 outcome=failed; rest",
                "cancelled, finished": (
                    "submit p1; started p1; ended p1 outcome=finished; told p1 outcome=cancelled; rest"
                ),
            },
        ),
        (
            "nothing-active",
            {
                "a turn": f"submit p1; started p1; submit p2; started p2; {FINISHED}"
                "ended p2 outcome=finished; told p2 outcome=finished; rest",
                "a summary": f"summary_start s; submit p1; started p1; summary_end s; {FINISHED}rest",
            },
        ),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_one_rule_is_broken_in_several_ways(guard: str, stories: dict[str, str], tmp_path: Path) -> None:
    """33 sessions of one kind, 12 of another and one of a third are three causes, although one guard refuses them
    all."""
    counts = (33, 12, 1)[: len(stories)]
    found = sessions(tmp_path / "a.jsonl", *zip(counts, stories.values(), strict=True))
    assert [(fault.guard, fault.how, len(fault.runs)) for fault in found] == [
        (guard, how, count) for how, count in zip(stories, counts, strict=True)
    ]
    assert len({fault.title for fault in found}) == len(found)


def test_names_do_not_tell_causes_apart(tmp_path: Path) -> None:
    """The same with other prompts, and with more of them, is the same cause."""
    other = f"{BUSY}{FAILED}rest p2 ".replace("p1", "x").replace("p2", "y")
    more = f"{BUSY}submit p3; queued p3; {FAILED}rest p2 "
    (fault,) = sessions(tmp_path / "a.jsonl", (2, f"{BUSY}{FAILED}rest p2 "), (1, other), (1, more))
    assert len(fault.runs) == 4


def test_the_title_says_who_what_and_what_should_be() -> None:
    """In one sentence, of the shortest run with that cause."""
    (fault,) = found("d3-folded-run-id")
    assert fault.title == (
        "Prompt p2, which has a run id, is folded into the turn of p1; it should get a turn and a completion of its own"
    )
    assert (fault.shown.run, fault.refused.place) == (0, 13)
    assert fault.waiting == ("p2",)


@pytest.mark.parametrize("name", ["d3-random", "d4-random", "d3-silent-hand-off"])
def test_an_excerpt_ends_with_what_was_refused(name: str) -> None:
    """The refused step is in it, with its rule, and whatever stands before is told by the log or needed by it."""
    for fault in found(name):
        run = fault.shown
        shown = excerpt(fault, lines_of(run.file, range(run.lines[0], run.lines[1] + 1)))
        refused = [row for row in shown.rows if row.sign is Sign.REFUSED]
        assert refused
        assert fault.expected in refused[0].rules
        assert [row.place for row in shown.rows] == sorted(row.place for row in shown.rows)
        assert {row.lane for row in shown.rows} - {None} == set(shown.lanes)
        seen = {row.place for row in shown.rows if row.sign is Sign.SEEN}
        assert seen <= {row.place for row in shown.rows if row.text is not None}


def test_the_same_is_shown_in_the_model() -> None:
    """The revision in the header breaks the same invariant in a small scope, and the token replays it."""
    same = reproduce("d4-independent", "no-hang", "AAa+1c+1e")
    assert same is not None
    assert same.scope == "AA+1e"
    replayed = CliRunner().invoke(main, ["replay", same.token, "--invariant", "no-hang"])
    assert (replayed.exit_code, same.sentence in replayed.output) == (1, True)
    assert reproduce("somebody else's", "no-hang", "AA") is None


def test_guards_and_invariants_exist() -> None:
    """What a report says of guards is said of guards that there are."""
    guards = {guard.name for action in ACTIONS for guard in action.guards} | {"end-known"}
    assert set(BY_GUARD) <= guards
    assert set(BY_GUARD.values()) == set(BY_NAME.values())


def test_there_are_words_for_every_event() -> None:
    """Of the vocabulary: no reader has to know the names of our classes."""
    for name, kind in EVENT_TYPES.items():
        fields = dict.fromkeys(kind.__dataclass_fields__, "x")
        event = kind(**fields)
        assert name not in words(event), name
