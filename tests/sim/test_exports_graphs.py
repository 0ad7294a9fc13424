"""The reachable graph as .aut and DOT: what is written is read again as the same graph, which is the explorer's."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import networkx
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from tests.nightly import thinned

from everyturn.cli import main
from everyturn.engines.coroutines.reached import Arc, Reached
from everyturn.engines.explorer.exhaustive import Explorer
from everyturn.errors import UsageError
from everyturn.exports import aut, dot
from everyturn.verdicts.checker import Judge
from everyturn.world.scope import Scope
from everyturn.world.world import World


def reached(scope: str, revision: str = "d4") -> Reached:
    """The reachable graph of a scope under all invariants."""
    return Reached(World(Scope.parse(scope), revision), Judge())


def graph(states: int, arcs: Iterable[Arc]) -> networkx.MultiDiGraph[int]:
    """The same as a networkx graph."""
    found: networkx.MultiDiGraph[int] = networkx.MultiDiGraph()
    found.add_nodes_from(range(states))
    found.add_edges_from((arc.source, arc.target, {"label": arc.label}) for arc in arcs)
    return found


@thinned(2)
@pytest.mark.parametrize(("scope", "revision"), [("AA", "d4"), ("AA", "d3"), ("A+1c", "d4"), ("Aa+n", "hardened")])
def test_an_aut_file_is_the_explorers_graph(scope: str, revision: str) -> None:
    """Read back it is the same graph, and its states and transitions are those that `check` counts."""
    ours = reached(scope, revision)
    read = aut.read(aut.write(ours))
    counted = Explorer(World(Scope.parse(scope), revision), Judge()).run()
    assert (read.first, read.states, len(read.arcs)) == (0, counted.states, counted.transitions)
    assert networkx.utils.graphs_equal(graph(read.states, read.arcs), graph(len(ours), ours.arcs()))


def test_labels_say_thread_operation_and_events() -> None:
    """The first step of a lone prompt; after it only one thing can happen next."""
    first, second = (arc.label for arc in list(reached("A").arcs())[:2])
    assert (first, second) == ("p1 reservations.begin / Submitted(p1, run_id, accepted)", "p1 threads.start")


labels = st.text(st.characters(exclude_categories=["C"], exclude_characters="\u2028\u2029"), max_size=12)


@given(st.lists(st.builds(Arc, st.integers(0, 9), st.integers(0, 9), labels)), st.integers(0, 9))
def test_any_system_is_read_as_it_was_written(arcs: list[Arc], first: int) -> None:
    """Whatever is in the labels."""
    read = aut.read(aut.lines(first, len(arcs), 10, arcs))
    assert read == aut.Lts(first, 10, tuple(arcs))


@given(st.lists(st.text(max_size=30), max_size=5))
def test_anything_else_is_refused_with_its_line(lines: list[str]) -> None:
    """A reader of foreign files raises what a user can understand, or reads a system."""
    try:
        aut.read(lines)
    except UsageError as error:
        assert re.match(r"line \d+: expected", str(error))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1: expected des"),
        ("des (0, 1)", "line 1: expected des"),
        ('des (0, 1, 2)\n(0, "a" 1)', "line 2: expected (FROM"),
        ('des (0, 1, 2)\n(0, "a", 2)', "line 2: expected states below 2"),
        ('des (0, 2, 2)\n(0, "a", 1)', "expected 2 transitions"),
        ("des (2, 0, 2)", "first state 2 below 2"),
    ],
)
def test_what_is_wrong_with_an_aut_file(text: str, said: str) -> None:
    """Each mistake is named."""
    with pytest.raises(UsageError, match=re.escape(said)):
        aut.read(text.splitlines())


def test_labels_without_quotes_are_read() -> None:
    """Other tools leave the quotes out where they can."""
    assert aut.read(["des (0, 1, 2)", "(0, tau, 1)"]).arcs == (Arc(0, 1, "tau"),)


def test_a_drawing_has_the_same_graph() -> None:
    """Nodes, edges and labels of the DOT file; what is drawn with two lines is what nothing follows."""
    ours = reached("AI")
    text = "\n".join(dot.write(ours))
    arcs = [
        Arc(int(a), int(b), c) for a, b, c in re.findall(r'^  (\d+) -> (\d+) \[label="(.*)"\];$', text, re.MULTILINE)
    ]
    assert networkx.utils.graphs_equal(graph(len(ours), arcs), graph(len(ours), ours.arcs()))
    rests = set(map(int, re.findall(r"^  (\d+) \[shape=doublecircle\];$", text, re.MULTILINE)))
    assert rests == set(range(len(ours))) - {arc.source for arc in arcs}


def test_nobody_is_given_a_drawing_that_nobody_can_read() -> None:
    """Too many states: the error says what to do instead."""
    with pytest.raises(UsageError, match="export it to aut"):
        list(dot.write(reached("AA+1q")))


def test_half_a_graph_is_not_exported() -> None:
    """A limit on states is an error, and no file is left behind."""
    with pytest.raises(UsageError, match="at most 100 states"):
        Reached(World(Scope.parse("AA"), "d4"), Judge(), max_states=100)


@pytest.mark.parametrize("form", ["aut", "dot", "promela", "murphi"])
def test_the_command_writes_each_form(form: str, tmp_path: Path) -> None:
    """`everyturn export`: the file is there, and what it says goes to standard error."""
    path = tmp_path / "graph"
    done = CliRunner().invoke(main, ["export", "--revision", "d4", "--scope", "A", "--to", form, "-o", str(path)])
    assert done.exit_code == 0, done.output
    assert path.stat().st_size > 0
    assert (done.stdout, "states" in done.stderr) == ("", True)


def test_a_file_that_cannot_be_written_is_a_usage_error(tmp_path: Path) -> None:
    """Exit code 2, with the path."""
    path = tmp_path / "nowhere" / "graph.aut"
    done = CliRunner().invoke(main, ["export", "--revision", "d4", "--scope", "A", "--to", "aut", "-o", str(path)])
    assert (done.exit_code, str(path) in done.stderr) == (2, True)
