"""Diagrams of logs whose names and clocks are inconvenient."""

from __future__ import annotations

import json
import re
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from everyturn.errors import UsageError
from everyturn.formats import chrome, itf, room, shiviz
from everyturn.formats.catalogue import part
from everyturn.formats.everyturn_log import LogHeader, LogLine, Placed
from everyturn.formats.times import Uncountable, seconds
from everyturn.reports.short_names import shortened

UUIDS: Final = ("019a3f21-7c4e-7d3e-9f21-aabbccddeeff", "019a3f21-7c4e-7b11-8a00-112233445566")
"""Two of version 7, made in the same millisecond."""


def placed(*lines: LogLine) -> list[Placed]:
    return [Placed(number, line) for number, line in enumerate(lines, start=2)]


def test_long_names_are_shortened_in_the_middle() -> None:
    """So that identifiers which begin with the time are told apart by their ends."""
    assert shortened(UUIDS, 8) == {UUIDS[0]: "019…eeff", UUIDS[1]: "019…5566"}
    assert shortened(["p1", "prompt-12"], 8) == {"p1": "p1", "prompt-12": "pro…t-12"}


def test_names_that_differ_in_the_middle_show_where() -> None:
    """Or are numbered."""
    assert set(shortened(["a" * 20 + each + "b" * 20 for each in "xy"], 8).values()) == {"…xbbbbb…", "…ybbbbb…"}
    assert len(set(shortened(["a" * 20 + x + "b" * 20 + y + "c" * 20 for x in "xy" for y in "xy"], 8).values())) == 4


@given(st.sets(st.text(st.sampled_from("ab…1"), max_size=14), max_size=12), st.integers(6, 9))
def test_different_names_stay_different(names: set[str], width: int) -> None:
    """However alike they are, and in no more room than there is."""
    found = shortened(sorted(names), width)
    assert found.keys() == names
    assert len(set(found.values())) == len(names)
    assert all(len(short) <= width for short in found.values())
    assert all(found[name] == name for name in names if len(name) <= width)


def spans(*lines: LogLine) -> list[tuple[str, str, float]]:
    events = json.loads(b"".join(chrome.write(placed(*lines), LogHeader())))["traceEvents"]
    return [(each["ph"], each["id"], each["ts"]) for each in events if each["ph"] in "be"]


def test_spans_end_no_sooner_than_they_begin() -> None:
    """Each session has its own clock: what is open in one ends with that session's last line, not with another's."""
    one = LogLine(kind="started", session="a", prompt="p", time=100.0)
    other = LogLine(kind="started", session="b", prompt="p", time=1.0)
    assert spans(one, other) == [("b", "a/p", 1e8), ("b", "b/p", 1e6), ("e", "a/p", 1e8), ("e", "b/p", 1e6)]


def test_a_clock_that_goes_back_makes_no_span_of_less_than_nothing() -> None:
    """It ends when it begins."""
    back = LogLine(kind="ended", session="a", prompt="p", outcome="finished", time=50.0)
    assert spans(LogLine(kind="started", session="a", prompt="p", time=100.0), back) == [
        ("b", "a/p", 1e8),
        ("e", "a/p", 1e8),
    ]


def test_shiviz_has_an_event_and_a_host_a_line_whatever_the_names_are() -> None:
    """Line breaks in names of sessions, prompts and threads are escaped; different hosts stay different."""
    names = ("s\n=== t ===", "s")
    lines = [
        LogLine(kind="started", session=session, prompt="p\nq\u2028", thread=thread)
        for session in names
        for thread in ("a b", "a_b", "a%20b", "a\nb")
    ]
    event, border, rest = b"".join(shiviz.write(placed(*lines), LogHeader())).decode().split("\n", 2)
    python = re.compile(event.replace("(?<", "(?P<"))
    _, *executions = re.split(border.replace("(?<", "(?P<"), rest, flags=re.MULTILINE)
    assert executions[::2] == [r"s\n=== t ===", "s"]
    for text in executions[1::2]:
        hosts = [match["host"] for match in python.finditer(text)]
        assert len(set(hosts)) == 4
        assert len(text.strip().split("\n")) == 8


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2016-12-31T23:59:60Z", 1483228800.0),
        ("2016-12-31T18:59:60.5-05:00", 1483228800.5),
        ("2017-01-01T00:00:00z", 1483228800.0),
        ("2017-01-01t00:00:00.000000001Z", 1483228800.0),
        ("2017-01-01 00:00:00.123456789Z", 1483228800.123456789),
        ("2017-01-01T00:00:00", 1483228800.0),
        ("2017-01-01T01:00:00+0100", 1483228800.0),
        ("20170101T000000Z", 1483228800.0),
        ("2017-01-01T00:00:61Z", None),
        ("2017-01-01T12:30:60Z", None),
        ("2017-02-30T00:00:00Z", None),
        ("yesterday", None),
        (None, None),
    ],
)
def test_times_are_read_as_rfc_3339_writes_them(text: object, expected: float | None) -> None:
    """With leap seconds, a small z and nanoseconds; a leap second is the moment after 23:59:59."""
    found = seconds(text, "rfc3339")
    assert found is expected if expected is None else found == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("time", [1e300, -1e10, float("inf"), float("nan")])
def test_a_time_that_cannot_be_counted_is_said_with_its_line(time: float) -> None:
    """In each format that knows whole numbers only."""
    with pytest.raises(Uncountable, match="line 2: expected a time within 292 years"):
        list(chrome.write(placed(LogLine(kind="rest", session="s", time=time)), LogHeader()))


@pytest.mark.parametrize("name", ["shiviz", "mermaid", "markdown"])
def test_a_diagram_that_nothing_could_show_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before memory is full: vector clocks of many clients grow as the square of their number."""
    monkeypatch.setattr(room, "LIMIT", 1000)
    lines = [LogLine(kind="submit", session="s", prompt=f"p{number}") for number in range(100)]
    with pytest.raises(UsageError, match=f"{name}: expected a document of at most 1,000 characters"):
        list(part(name, "writer", "x")(placed(*lines), LogHeader()))


def test_itf_grows_with_the_lines() -> None:
    """Twice the lines of one session, twice the bytes."""
    sizes = []
    for number in (500, 1000):
        lines = [LogLine(kind="submit", session="s", prompt=f"p{each:04}") for each in range(number)]
        sizes.append(sum(map(len, itf.write(placed(*lines), LogHeader()))))
    assert sizes[1] < 2.1 * sizes[0]


def test_itf_that_could_not_be_read_again_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is one document."""
    monkeypatch.setattr(itf, "LIMIT", 1000)
    with pytest.raises(UsageError, match="itf: expected a trace of at most 1,000 bytes"):
        list(
            itf.write(
                placed(*[LogLine(kind="submit", session="s", prompt=f"p{each}") for each in range(100)]), LogHeader()
            )
        )
