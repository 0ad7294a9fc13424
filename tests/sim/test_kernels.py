"""Compiled loops find what NumPy's find, number by number; who has not installed them misses nothing but speed."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from tests.nightly import nightly

from everyturn.engines.coroutines.exploration import Limits
from everyturn.engines.explorer import checkpoints, frontier, kernels, levels
from everyturn.engines.explorer.frontier import Frontier
from everyturn.engines.explorer.growing import Rows
from everyturn.engines.explorer.levels import LevelExplorer
from everyturn.engines.explorer.numbering import Numbering, Words
from everyturn.errors import UsageError
from everyturn.verdicts.checker import Judge, select
from everyturn.world.scope import Scope
from everyturn.world.world import World

needs_numba = pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="numba is not installed")


@pytest.fixture(autouse=True)
def _chosen_anew() -> Iterator[None]:
    """Whatever was chosen before and is chosen here, the next one chooses anew."""
    kernels.forget()
    yield
    kernels.forget()


def everything(world: World, judge: Judge, reduce: str, processes: int = 1) -> dict[str, Any]:
    """All that an exploration finds: states as they are packed, the path to each, what was learnt, in which order."""
    explorer = LevelExplorer(world, judge, reduce, processes=processes)
    found = explorer.run(different=3)
    graph = explorer.graph
    tables = explorer.graph.tables
    explorer.close()
    return {
        "counts": (found.states, found.transitions, found.depth, found.rests, found.complete),
        "violations": (list(found.violations.items()), found.others, found.outcomes),
        "states": (graph.states.layout.bits, graph.states.keys.tobytes()),
        "paths": (explorer.predecessors.parents.tobytes(), explorer.predecessors.moves.tobytes()),
        "learnt": (tables.macro_steps.journal, tables.moves, tables.events),
        "judged": {name: array.tobytes() for name, array in graph.judges.saved().items()},
    }


def beside(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """From now on states of every chunk, however small, are numbered on a thread of their own; where chunks begin that
    were asked for meanwhile."""
    begun: list[int] = []
    together: Callable[..., Any] = vars(levels)["beside"]

    def spy(work: Callable[[], Any], meanwhile: Callable[[], None]) -> Any:
        (asked,) = meanwhile.args  # type: ignore[attr-defined]
        begun.append(asked.start)
        return together(work, meanwhile)

    monkeypatch.setattr(levels, "WORTH_A_THREAD", 0)
    monkeypatch.setattr(levels, "pays", lambda: True)
    monkeypatch.setattr(levels, "beside", spy)
    return begun


CELLS = (
    ("d0", "A+1c", "dead", "all"),
    ("d3", "AA", "none", "all"),
    nightly("d4", "AA+1c", "dead", "no-hang"),
    ("d9", "II", "symmetry", "all"),
    ("d4", "AA", "ample", "no-hang"),
    ("examples.agents.lock_free:LockFree", "Aa", "dead", "no-hang"),
)


@needs_numba
@pytest.mark.parametrize(("agent", "scope", "reduce", "judged"), CELLS)
def test_every_number_is_the_same(
    agent: str, scope: str, reduce: str, judged: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With NumPy's loops, with compiled ones, and with such as are compiled in the middle of the search."""

    def found(kernel: str) -> dict[str, Any]:
        kernels.forget()
        monkeypatch.setenv(kernels.VARIABLE, kernel)
        judge = Judge() if judged == "all" else Judge(select([judged]), conformance=False)
        return everything(World(Scope.parse(scope), agent), judge, reduce)

    monkeypatch.setattr(frontier, "CHUNK", 8)
    expected = found("numpy")
    assert kernels.compiled() is None
    assert found("compiled") == expected
    monkeypatch.setattr(kernels, "LOADING", expected["counts"][0] // 3)
    monkeypatch.setattr(kernels, "COMPILING", expected["counts"][0] // 3)
    assert found("") == expected
    assert kernels.compiled() is not None
    begun = beside(monkeypatch)
    assert found("compiled") == expected
    assert begun or reduce in ("symmetry", "ample")


@needs_numba
def test_a_chunk_is_whole_while_the_table_of_states_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the thread that numbers states rows move, and for a while nobody can read any: what is asked for meanwhile was
    read before."""
    monkeypatch.setenv(kernels.VARIABLE, "compiled")
    monkeypatch.setattr(frontier, "CHUNK", 8)
    expected = everything(World(Scope.parse("AA"), "d4"), Judge(), "dead")
    begun, grow, grown = beside(monkeypatch), Rows.grow, list[int]()

    def moving(self: Rows, capacity: int) -> None:
        if threading.current_thread() is not threading.main_thread():
            rows, self.array = self.array, self.array[:0]
            time.sleep(0.05)
            self.array = rows
            del rows
            grown.append(capacity)
        grow(self, capacity)

    monkeypatch.setattr(Rows, "grow", moving)
    assert everything(World(Scope.parse("AA"), "d4"), Judge(), "dead") == expected
    assert begun
    assert grown


@needs_numba
def test_two_processes_find_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both run on compiled loops."""
    monkeypatch.setenv(kernels.VARIABLE, "numpy")
    expected = everything(World(Scope.parse("AA"), "d4"), Judge(), "dead")
    monkeypatch.setenv(kernels.VARIABLE, "compiled")
    kernels.forget()
    found = everything(World(Scope.parse("AA"), "d4"), Judge(), "dead", processes=2)
    same = "counts", "violations", "paths", "learnt"
    assert {name: found[name] for name in same} == {name: expected[name] for name in same}


def batches(random: Random, width: int) -> Iterator[Words]:
    """Rows of which many come again, in batches of any size; some share all words but one, some the hash's slot."""
    seen = [[0] * width]
    for size in (0, 1, 3, 500, 40, 2000, 1, 127, 128, 129):
        rows = []
        for _ in range(size):
            row = list(random.choice(seen))
            if random.random() < 0.6:
                row[random.randrange(width)] = random.choice((random.getrandbits(64), random.getrandbits(3), 2**64 - 1))
                seen.append(row)
            rows.append(row)
        yield np.array(rows, np.uint64).reshape(size, width)


@needs_numba
@pytest.mark.parametrize("width", [1, 2, 3, 5])
def test_keys_get_the_numbers_in_which_they_come(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same as a dictionary gives them, whoever enters them, also in turn; and they are found under these."""
    random = Random(width)
    numbering, known = Numbering(width, 4), dict[tuple[int, ...], int]()
    for each in batches(random, width):
        kernels.forget()
        monkeypatch.setenv(kernels.VARIABLE, random.choice(("numpy", "compiled", "compiled")))
        kernels.choose(0)
        rows = [tuple(row) for row in each.tolist()]
        before = [known.get(row, -1) for row in rows]
        assert numbering.find(each).tolist() == before
        new = [place for place, row in enumerate(rows) if row not in known and row not in rows[:place]]
        numbers = [known.setdefault(row, len(known)) for row in rows]
        given, fresh = numbering.added(each)
        assert (given.tolist(), fresh.tolist()) == (numbers, new)
        assert numbering.keys.tolist() == [list(row) for row in known]


def test_without_numba_the_search_goes_on_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """However large it becomes; only who asks for compiled loops is told what to install."""
    monkeypatch.setattr(kernels, "find_spec", lambda _: None)
    monkeypatch.delenv(kernels.VARIABLE, raising=False)
    kernels.choose(1 << 40)
    assert kernels.compiled() is None
    kernels.forget()
    monkeypatch.setenv(kernels.VARIABLE, "compiled")
    with pytest.raises(UsageError, match=r"pip install 'everyturn\[fast\]'"):
        kernels.choose(1)


def test_an_unknown_kernel_is_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    """And is told with what was expected."""
    monkeypatch.setenv(kernels.VARIABLE, "fortran")
    with pytest.raises(UsageError, match="expected numpy or compiled"):
        kernels.choose(1)


def test_small_searches_load_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to the size from which loading pays; and what was never compiled waits until that pays."""
    monkeypatch.delenv(kernels.VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", os.devnull)
    monkeypatch.setattr(kernels, "find_spec", lambda _: "there")
    asked: list[bool] = []

    def loaded(folder: Path, *, is_new: bool) -> None:
        asked.append(is_new)

    monkeypatch.setattr(kernels, "_loaded", loaded)
    for states in (1, kernels.GROWING, kernels.LOADING - 1, kernels.LOADING, kernels.COMPILING - 1):
        kernels.choose(states)
        kernels.choose(states, grows=True)
    assert asked == []
    kernels.choose(kernels.COMPILING)
    assert asked == [True]


def test_what_grows_loads_them_sooner(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where levels are larger and larger, many more states are to come."""
    monkeypatch.delenv(kernels.VARIABLE, raising=False)
    monkeypatch.setattr(kernels, "find_spec", lambda _: "there")
    monkeypatch.setattr(kernels, "_folder", lambda: tmp_path)
    (tmp_path / f"{kernels._LOOPS}.enter-1.nbi").touch()
    asked: list[bool] = []
    monkeypatch.setattr(kernels, "_loaded", lambda _, *, is_new: asked.append(is_new))
    kernels.choose(kernels.LOADING - 1)
    kernels.choose(kernels.GROWING - 1, grows=True)
    assert asked == []
    kernels.choose(kernels.GROWING, grows=True)
    assert asked == [False]


@pytest.mark.parametrize(
    ("levels", "grows"),
    [([0, 1], False), ([0, 1, 2, 3, 4, 5], False), ([0, 1, 2, 4, 8, 16, 32], True), ([0, 9, 19, 29, 39, 50], False)],
)
def test_a_frontier_grows_when_its_levels_do(levels: list[int], grows: bool) -> None:
    """The last one beside the fourth before it."""
    frontier = Frontier()
    frontier.restore(levels, levels[-2])
    assert frontier.grows is grows


def test_loops_that_number_wrongly_are_not_used() -> None:
    """Each time that they are loaded they number a sample, which is compared."""

    class Wrong:
        @staticmethod
        def add(*given: Any) -> int:
            given[-2][:] = range(len(given[-2]))
            return len(given[-2])

        @staticmethod
        def find(*given: Any) -> None:
            given[-1][:] = range(len(given[-1]))

    assert not kernels.agrees(Wrong)  # type: ignore[arg-type]


@needs_numba
def test_loops_that_lose_keys_in_a_larger_table_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor are those that find them in the first table only."""
    monkeypatch.setenv(kernels.VARIABLE, "compiled")
    kernels.choose(0)
    loops = kernels.compiled()
    assert loops is not None
    assert kernels.agrees(loops)
    enter_all = loops.enter_all
    monkeypatch.setattr(loops, "enter_all", lambda *table: enter_all(*table[:-1], table[-1] - 1))
    assert not kernels.agrees(loops)


@needs_numba
def test_loops_are_compiled_once_and_it_is_said(tmp_path: Path) -> None:
    """A line when it begins, with where they are kept; the next command finds them there, and goes on without them if
    they are damaged."""
    command = [sys.executable, "-m", "everyturn", "check", "--revision", "d3", "--scope", "A"]
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path), kernels.VARIABLE: "compiled"}

    def run() -> tuple[str, str]:
        said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        return said.stdout.split("[")[0], said.stderr

    verdict, compiling = run()
    assert "everyturn: compiling the search" in compiling
    assert str(tmp_path) in compiling
    assert run() == (verdict, "")
    for each in tmp_path.rglob("*.nbc"):
        each.write_bytes(b"damaged")
    again, said = run()
    assert again == verdict
    assert "not compiled, and slower" in said


@needs_numba
def test_a_checkpoint_is_gone_on_from_by_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exploration that was interrupted with NumPy's loops and finished with compiled ones, and the other way round,
    is the one that was never interrupted."""
    world, judge = World(Scope.parse("A+1c"), "d4"), Judge()
    monkeypatch.setenv(kernels.VARIABLE, "numpy")
    whole = LevelExplorer(world, judge)
    whole.run()
    for kernel in ("compiled", "numpy"):
        half = LevelExplorer(world, judge)
        assert half.run(Limits(states=300)).stopped is not None
        checkpoints.save(half, tmp_path / "half")
        kernels.forget()
        monkeypatch.setenv(kernels.VARIABLE, kernel)
        gone_on = checkpoints.load(tmp_path / "half", world, judge)
        assert gone_on.run().complete
        assert gone_on.graph.states.rows(gone_on.graph.states.keys).tolist() == (
            whole.graph.states.rows(whole.graph.states.keys).tolist()
        )
        assert gone_on.predecessors.parents.tolist() == whole.predecessors.parents.tolist()
