"""EDN as others write it: whatever the grammar allows is read, what it does not is said, and costs no other
operation."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner
from hypothesis import example, given, settings
from hypothesis import strategies as st

from everyturn.cli import main
from everyturn.formats.edn import EdnError, operations, parse_edn
from everyturn.formats.jepsen import edn


def read(text: str) -> tuple[list[tuple[int, Any]], list[int]]:
    """The operations of a text, and the lines of its faults."""
    faults: list[int] = []
    lines = enumerate(text.encode().splitlines(keepends=True), start=1)
    return list(operations(lines, lambda number, _: faults.append(number))), faults


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{:a 1, :b [nil true :k "x\\n"] :c (1.5 -2N)}', {"a": 1, "b": [None, True, "k", "x\n"], "c": [1.5, -2]}),
        ("[] ; a comment", []),
        ("sym", "sym"),
        ("#{1 2}", [1, 2]),
        ("#jepsen.history.Op{:index 0}", {"index": 0}),
        ('#inst "2024-01-01T00:00:00Z"', "2024-01-01T00:00:00Z"),
        ("[1 #_2 #_ #_ 3 4 5]", [1, 5]),
        ("{:a #_ {:b 1} 2}", {"a": 2}),
        (r"[\a \newline \\ \( \, \u0041 \space]", ["a", "\n", "\\", "(", ",", "A", " "]),
        ("[1/2 4/2 -3/4 1e3 2.5M 7N +5]", [0.5, 2, -0.75, 1000.0, 2.5, 7, 5]),
        ("{:a/b 1 c/d :e.f/g, nil 2 3 4}", {"a/b": 1, "c/d": "e.f/g", "None": 2, "3": 4}),
        ('"a\\u00e4\\ud83d\\ude00\\t\\"\\\\"', 'aä😀\t"\\'),
        ('"two\nlines ; no comment"', "two\nlines ; no comment"),
        ("[##Inf ##-Inf]", [math.inf, -math.inf]),
        ("[a-b? *c* ->d . / <= foo' a#b]", ["a-b?", "*c*", "->d", ".", "/", "<=", "foo'", "a#b"]),
        ("[[{:a ()}]]", [[{"a": []}]]),
        ("#a/b #c [1]", [1]),
    ],
)
def test_the_whole_grammar_is_read(text: str, value: object) -> None:
    """Maps, vectors, lists, sets, strings, characters, numbers, keywords, symbols, tags, comments and what is
    discarded."""
    assert parse_edn(text + "\n") == value


@pytest.mark.parametrize(
    "text",
    ["", "{:a}", "[1", "]", "1 2", '"\\x"', '"\\8"', '"\\²"', '"\\ud800"', "#{1", "[1}", "{:a 1 :a 2}", "1/0", ":",
     "#", "#_ 1", "\\foo", "08x",
     "[" * 60 + "]" * 60, "#_ " * 60 + "1", "#a " * 60 + "1", '"open'],
)  # fmt: skip
def test_what_is_no_edn_is_refused(text: str) -> None:
    """With what was expected."""
    with pytest.raises(EdnError):
        parse_edn(text)


A: Final = "{:type :invoke, :f :submit, :value {:session s}}"
B: Final = '{:type :ok :f "x\ny" :value nil}'
OPERATIONS: Final = [parse_edn(A), parse_edn(B)]


@pytest.mark.parametrize(
    ("text", "places"),
    [
        (f"{A}\n{B}\n", [1, 2]),
        (f"[{A}\n {B}]", [1, 2]),
        (f"[{A} {B}]\n", [1, 1]),
        (f"[\n{A},\n{B}\n]\n", [2, 3]),
        (f"({A} #_{A} {B}) ; over", [1, 1]),
        (f"#jepsen.history.Op{A}\n\n; nothing\n#jepsen.history.Op {B}", [1, 4]),
        (A.replace(", ", ",\n") + "\n" + B.replace(" ", "\n"), [1, 4]),
        (f"#history [[{A}] [{B}]]", [1, 1]),
        ("\n".join(map(json.dumps, OPERATIONS)), [1, 2]),
        (json.dumps(OPERATIONS), [1, 1]),
        ("[" + ",\n".join(map(json.dumps, OPERATIONS)) + "]\n", [1, 2]),
    ],
)
def test_operations_come_in_every_shape_that_others_write(text: str, places: list[int]) -> None:
    """A line each, a vector of one line or of several, maps over several lines, tagged, or as JSON."""
    found, faults = read(text)
    assert ([each for _, each in found], [number for number, _ in found], faults) == (OPERATIONS, places, [])


@pytest.mark.parametrize(
    ("bad", "lines"),
    [
        ("{:a 1", [2]),
        ("{:a 1 :b}", [2]),
        ("{:a [1 }", [2]),
        ('{:a "open', [2]),
        ("{:a 08x} {:c 1}", [2]),
        ("]", [2]),
        ("hello world", [2]),
        ("{:a\n:b\n", [2]),
        ("7", [2]),
        ("#", [2]),
    ],
)
def test_what_is_broken_costs_no_other_operation(bad: str, lines: list[int]) -> None:
    """It is said once, with its line, and those before and after it are read."""
    found, faults = read(f"{A}\n{bad}\n{A}\n{A}\n")
    assert [each for _, each in found if "type" in each] == [OPERATIONS[0]] * 3
    assert faults == lines


def test_a_vector_that_is_not_closed_is_said() -> None:
    """The file may have been cut: with the line where it is opened."""
    assert read(f"[{A}\n{A}") == ([(1, OPERATIONS[0]), (2, OPERATIONS[0])], [1])


def test_an_operation_is_bounded() -> None:
    """One that never ends is not held in memory."""
    found, faults = read("{:a\n" + ":b 1\n" * 300_000 + A + "\n")
    assert (found, faults) == ([(300_002, OPERATIONS[0])], [1])


def test_a_history_of_others_is_judged(tmp_path: Path) -> None:
    """A hang in a vector of tagged operations over several lines: neither the first nor the last of them is lost."""
    path = tmp_path / "a.edn"
    path.write_text(
        '[#jepsen.history.Op{:index 0, :time 0, :type :invoke, :process 0,\n :f :submit, :value {:session "s", '
        ':prompt "p1", '
        ':run_id "r"}}\n #jepsen.history.Op{:index 1, :time 9, :type :info, :process :agent, :f :rest, :value '
        '{:session "s"}}]'
    )
    result = CliRunner().invoke(main, ["validate", str(path), "--json"])
    (cell,) = json.loads(result.stdout)["cells"]
    assert (result.exit_code, cell["events"], cell["invariants"]["no-hang"]["verdict"]) == (1, 2, "refuted")


VALUES: Final = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.from_regex("[a-z]{1,5}", fullmatch=True), inner),
    max_leaves=15,
)


@given(VALUES)
@example({"f": "", "type": "a b"})
@settings(max_examples=200, deadline=None)
def test_what_is_written_is_read_back(value: object) -> None:
    """Every value that a line of a log may have."""
    assert parse_edn(edn(value)) == value


@given(st.text(st.sampled_from(list('{}[]()#_"\\:;,\n /1aN\u2028')), max_size=60))
@settings(max_examples=300, deadline=None)
def test_any_text_has_operations_or_faults(text: str) -> None:
    """And an operation before it and after a broken one is there all the same."""
    found, _ = read(f"{A}\n{text}\n")
    assert found[0] == (1, OPERATIONS[0])
