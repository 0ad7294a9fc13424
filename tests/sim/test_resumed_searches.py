"""A search that was interrupted and gone on with is the one that was not: number by number, whatever it leaves out,
whoever works for it, and wherever it was interrupted."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import signal
from collections.abc import Iterator, Sequence
from itertools import count, cycle
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.nightly import at_night, nightly, thinned

from everyturn.checking.check import CheckedCell, check
from everyturn.engines.coroutines.exploration import Limits, Sight
from everyturn.engines.explorer import archives, checkpoints, frontier, kernels, levels, macro_steps, reductions
from everyturn.engines.explorer.levels import LevelExplorer
from everyturn.engines.explorer.successor_worker import SuccessorWorker
from everyturn.errors import EveryturnError, UsageError
from everyturn.verdicts.checker import Judge, select
from everyturn.world.scope import Scope
from everyturn.world.world import World

needs_numba = pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="numba is not installed")
DIFFERENT = 3
"""So many violations of each invariant are kept."""


class Asked(NamedTuple):
    """What is explored, and how."""

    agent: str
    scope: str
    reduce: str
    names: tuple[str, ...] = ()
    granularity: str = "access"

    @property
    def world(self) -> World:
        """Made anew, as by another command."""
        return World(Scope.parse(self.scope), self.agent, self.granularity)

    @property
    def judge(self) -> Judge:
        return Judge(select(self.names), conformance=not self.names)

    def begun(self, processes: int = 1) -> LevelExplorer:
        return LevelExplorer(self.world, self.judge, self.reduce, processes=processes)

    def gone_on(self, file: Path, processes: int = 1) -> LevelExplorer:
        return checkpoints.load(file, self.world, self.judge, self.reduce, different=DIFFERENT, processes=processes)


def everything(explorer: LevelExplorer) -> dict[str, Any]:
    """All that a search has found and given a number to.

    But not the journal: when a file is read, states are explored once more, and a macro step may be made again that was
    made when its thread was not known yet to touch as much; it gives no number.
    """
    found, graph, judges = explorer.found, explorer.graph, explorer.graph.judges
    learnt = graph.successors.learnt()
    count = len(judges.steps)
    return {
        "counts": (found.states, found.transitions, found.depth, found.rests, found.complete),
        "violations": (list(found.violations.items()), list(found.others.items()), found.outcomes),
        "states": (explorer.frontier.levels, graph.states.rows(graph.states.keys).tobytes()),
        "paths": (explorer.predecessors.parents.tobytes(), explorer.predecessors.moves.tobytes()),
        "learnt": (learnt.events, learnt.moves, learnt.largest, learnt.locals),
        "judged": (len(judges), judges.steps.keys.tobytes(), [each[:count].tobytes() for each in judges.consequences]),
        "reduced": {name: array.tolist() for name, array in graph.reduction.saved().items()},
    }


def interrupted(asked: Asked, file: Path, limits: Sequence[int], processes: Iterator[int]) -> dict[str, Any]:
    """What a search finds that is ended at each of these limits and gone on with by another one."""
    explorer = asked.begun(next(processes))
    for limit in limits:
        found = explorer.run(Limits(limit), different=DIFFERENT, save=saving(explorer, file))
        assert not found.complete
        explorer.close()
        explorer, before = asked.gone_on(file, next(processes)), everything(explorer)
        assert everything(explorer) == before
    explorer.run(different=DIFFERENT)
    explorer.close()
    return everything(explorer)


def saving(explorer: LevelExplorer, file: Path) -> Any:
    return lambda: checkpoints.save(explorer, file)


def uninterrupted(asked: Asked) -> dict[str, Any]:
    explorer = asked.begun()
    explorer.run(different=DIFFERENT)
    return everything(explorer)


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """So that there are many points between two of them; and kernels are chosen anew."""
    monkeypatch.setattr(frontier, "_FEW", 24)
    for module in (frontier, reductions):
        monkeypatch.setattr(module, "CHUNK", 64)
    kernels.forget()
    yield
    kernels.forget()


CELLS = [
    Asked("d3", "A+1c+1f", "none"),
    Asked("d9", "II", "symmetry"),
    Asked("hardened", "II+1c", "symmetry", ("no-hang",)),
    Asked("d3", "AA", "symmetry", ("no-hang", "one-turn")),
    Asked("d4", "AA", "ample", ("no-hang",)),
    Asked("d0", "Ai+1f", "ample", (), "await"),
]


@thinned(2)
@pytest.mark.parametrize(
    "asked",
    [
        *CELLS,
        nightly(Asked("d0", "A+1c", "dead")),
        nightly(Asked("examples.agents.lock_free:LockFree", "AA", "symmetry")),
        nightly(Asked("d4", "A+3c", "symmetry")),
        nightly(Asked("d4", "AA+1c", "ample")),
        nightly(Asked("hardened", "AAA", "symmetry")),
    ],
)
def test_it_ends_as_if_it_had_not_been_interrupted(asked: Asked, tmp_path: Path) -> None:
    """Counts, states with the way to each, violations, all that was learnt, and in which order."""
    whole = uninterrupted(asked)
    states = whole["counts"][0]
    limits = [2, states // 9, states // 2, states - 1]
    assert interrupted(asked, tmp_path / "file", limits, cycle([1])) == whole


@pytest.mark.parametrize("processes", [[2, 1, 2], nightly([1, 2, 1, 1]), nightly([2, 2, 2])])
@pytest.mark.parametrize("asked", [Asked("d3", "AA", "dead"), nightly(Asked("d4", "AA+1c", "none"))])
def test_one_process_goes_on_with_what_two_have_begun(asked: Asked, processes: list[int], tmp_path: Path) -> None:
    """And two with what one has, or two: a file says nothing of who has made it."""
    whole = uninterrupted(asked)
    states = whole["counts"][0]
    limits = [states // 15, states // 3, states - states // 5][: len(processes) - 1]
    assert interrupted(asked, tmp_path / "file", limits, iter(processes)) == whole


def test_two_processes_write_what_one_writes(tmp_path: Path) -> None:
    """Though some chunks are under way, and answered, that are not done: states, paths, what was learnt for them."""
    asked, files = Asked("d4", "AA", "dead", ("no-hang",)), [tmp_path / "one", tmp_path / "two"]
    for processes, file in enumerate(files, 1):
        explorer = asked.begun(processes)
        explorer.run(Limits(1000), different=DIFFERENT)
        checkpoints.save(explorer, file)
        explorer.close()
    one, two = map(archives.read, files)
    headers = [json.loads(bytes(each.pop("header"))) for each in (one, two)]
    for each in headers:
        each["counts"]["seconds"] = 0
    assert headers[0] == headers[1]
    del one["digest"], two["digest"]
    assert one.keys() == two.keys()
    assert [name for name in one if one[name].tobytes() != two[name].tobytes()] == []


@needs_numba
@pytest.mark.parametrize("asked", [CELLS[1], nightly(CELLS[0]), nightly(CELLS[-2])])
def test_kernels_take_turns(asked: Asked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """NumPy's loops go on with what compiled ones have begun, some of which was learnt ahead, and the other way
    round."""

    monkeypatch.setattr(levels, "WORTH_A_THREAD", 1)
    monkeypatch.setattr(levels, "pays", lambda: True)

    def chosen_in_turn() -> Iterator[int]:
        for kernel in cycle(["numpy", "compiled"]):
            kernels.forget()
            monkeypatch.setenv(kernels.VARIABLE, kernel)
            yield 1

    whole = uninterrupted(asked)
    states = whole["counts"][0]
    limits = [states // 10, states // 4, states // 2, states - states // 6]
    assert interrupted(asked, tmp_path / "file", limits, chosen_in_turn()) == whole


@pytest.fixture
def obeyed() -> Iterator[None]:
    """Ctrl-C does what it does in Python, also where the tests run with it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("obeyed")
@pytest.mark.parametrize(
    ("chunks", "processes"), [(2, 1), (30, 2), nightly(1, 1), nightly(30, 1), nightly(1, 2), nightly(2, 2)]
)
def test_ctrl_c_between_two_chunks_loses_nothing(chunks: int, processes: int, tmp_path: Path) -> None:
    """Wherever it comes, and also where chunks are under way."""
    asked, file, done = Asked("d0", "A+1c+1f", "dead"), tmp_path / "file", 0
    explorer = asked.begun(processes)
    checkpoints.save(explorer, file)
    assert everything(checkpoints.load(file, asked.world, asked.judge, processes=1)) == everything(explorer)

    def press(_: Sight) -> None:
        nonlocal done
        done += 1
        if done == chunks:
            signal.raise_signal(signal.SIGINT)

    found = explorer.run(different=DIFFERENT, progress=press, save=saving(explorer, file))
    explorer.close()
    assert (found.interrupted, found.complete) == (True, False)
    explorer = asked.gone_on(file)
    assert explorer.frontier.done > 0
    explorer.run(different=DIFFERENT)
    assert everything(explorer) == uninterrupted(asked)


@pytest.mark.usefixtures("obeyed")
def test_ctrl_c_while_it_is_saved_at_the_end_waits(tmp_path: Path) -> None:
    """The file is whole, and so is what was found; the command is interrupted all the same."""
    asked, file = Asked("d0", "A+1c+1f", "dead"), tmp_path / "file"
    explorer = asked.begun()

    def save() -> None:
        signal.raise_signal(signal.SIGINT)
        checkpoints.save(explorer, file)

    found = explorer.run(Limits(100), different=DIFFERENT, save=save)
    assert (found.stopped, found.interrupted) == ("100 states", True)
    assert everything(asked.gone_on(file)) == everything(explorer)


def test_the_death_of_the_other_process_loses_nothing(tmp_path: Path) -> None:
    """Chunks that were under way there are asked for again."""
    asked, file = Asked("d0", "A+1c+1f", "dead"), tmp_path / "file"
    explorer = asked.begun(2)
    worker = explorer.graph.successors
    assert isinstance(worker, SuccessorWorker)
    sights = count(1)

    def kill(_: Sight) -> None:
        if next(sights) == 10:
            worker.kill()

    with pytest.raises(EveryturnError, match="the second process ended with exit code -9"):
        explorer.run(different=DIFFERENT, progress=kill, save=saving(explorer, file))
    again = asked.gone_on(file)
    assert everything(again) == everything(explorer)
    again.run(different=DIFFERENT)
    assert everything(again) == uninterrupted(asked)


@at_night
@pytest.mark.parametrize("error", [KeyboardInterrupt(), MemoryError()])
def test_what_ends_the_wait_for_the_other_process_loses_nothing(
    error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second Ctrl-C, or the other one's memory at an end: until an answer is taken, all is whole."""
    asked, file, answers = Asked("d0", "A+1c+1f", "dead"), tmp_path / "file", 0
    receive = SuccessorWorker._receive

    def ends(self: SuccessorWorker) -> Any:
        nonlocal answers
        answers += 1
        if answers == 20:
            raise error
        return receive(self)

    explorer = asked.begun(2)
    monkeypatch.setattr(SuccessorWorker, "_receive", ends)
    try:
        found = explorer.run(different=DIFFERENT, save=saving(explorer, file))
        assert found.interrupted
    except MemoryError as raised:
        assert raised is error
    explorer.close()
    explorer = asked.gone_on(file)
    assert explorer.frontier.done > 50
    explorer.run(different=DIFFERENT)
    assert everything(explorer) == uninterrupted(asked)


@pytest.mark.parametrize("kernel", [nightly("numpy"), pytest.param("compiled", marks=needs_numba)])
def test_what_ends_it_while_it_learns_loses_nothing(
    kernel: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was learnt for a chunk that is not done is not in the file: it is learnt again, in its order; also where it
    was learnt ahead."""
    monkeypatch.setattr(levels, "WORTH_A_THREAD", 1)
    monkeypatch.setattr(levels, "pays", lambda: True)
    monkeypatch.setenv(kernels.VARIABLE, kernel)
    asked, file, explored = Asked("d3", "AA", "dead"), tmp_path / "file", []
    make, explorer = macro_steps.make, asked.begun()
    for end in count(5, 100):
        left = list(range(end))
        with monkeypatch.context() as ended, contextlib.suppress(IndexError):
            ended.setattr(macro_steps, "make", lambda *given: (left.pop(), make(*given))[1])  # noqa: B023
            explorer.run(different=DIFFERENT, save=saving(explorer, file))
        explored.append(explorer.frontier.done)
        if explorer.found.complete:
            break
        explorer = asked.gone_on(file)
    assert len(set(explored)) > 3
    assert everything(explorer) == uninterrupted(asked)


def cell_and_tokens(checked: CheckedCell) -> tuple[object, ...]:
    """Verdicts, tokens and counts, but not how long it took."""
    cell = checked.cell
    said = {name: (each.verdict, each.steps, each.token, each.others) for name, each in cell.invariants.items()}
    return said, cell.conforms, cell.witnesses, cell.states, cell.transitions, cell.depth, cell.verdict, cell.stopped


@thinned(2)
@pytest.mark.parametrize(
    ("options", "limit"),
    [
        ({"revision": "d9", "scope": "II", "reduce": "symmetry"}, 150),
        ({"revision": "d3", "scope": "A+1c+1f", "processes": 2, "stop_at_first": True}, 60),
        ({"revision": "d0", "scope": "A+1c+1f", "counterexamples": 2, "invariants": ["no-lost-cancel"]}, 300),
        nightly({"revision": "d3", "scope": "A+1c+1f", "processes": 2, "counterexamples": 3}, 100),
        nightly({"revision": "d3", "scope": "AA", "reduce": "ample"}, 900),
    ],
)
def test_verdicts_and_tokens_are_the_same(options: dict[str, Any], limit: int, tmp_path: Path) -> None:
    """And once more, when all is done: what is in the file is told again."""
    file = tmp_path / "file"
    once = cell_and_tokens(check(**options))
    stopped = check(**options, checkpoint=file, limits=Limits(limit)).cell
    assert stopped.stopped == f"{limit} states"
    assert cell_and_tokens(check(**options, checkpoint=file)) == once
    assert cell_and_tokens(check(**options, checkpoint=file)) == once


def test_a_limit_that_is_reached_already_is_said_at_once(tmp_path: Path) -> None:
    """The same command again explores nothing more."""
    asked, file = Asked("d3", "AA", "dead"), tmp_path / "file"
    explorer = asked.begun()
    explorer.run(Limits(500), different=DIFFERENT, save=saving(explorer, file))
    again = asked.gone_on(file)
    found = again.run(Limits(500), different=DIFFERENT)
    assert (found.stopped, everything(again)) == ("500 states", everything(explorer))


@pytest.mark.parametrize("reduce", ["dead", "symmetry"])
def test_other_options_are_named(reduce: str, tmp_path: Path) -> None:
    """What a file was made with, and what was asked for."""
    asked, file = Asked("d3", "AA", reduce), tmp_path / "file"
    explorer = asked.begun()
    explorer.run(Limits(50), different=DIFFERENT, save=saving(explorer, file))
    for differs, said in (
        (asked._replace(agent="d4"), "expected revision 'd4-independent', found 'd3-locked-drain'"),
        (asked._replace(scope="AAA"), "expected scope 'AAA', found 'AA'"),
        (asked._replace(granularity="await"), "expected granularity 'await', found 'access'"),
        (asked._replace(reduce="ample"), f"expected reduce 'ample', found '{reduce}'"),
        (
            asked._replace(names=("no-hang",)),
            r"expected invariants \['no-hang'\], found \['no-hang', 'no-double-emit',",
        ),
    ):
        with pytest.raises(UsageError, match=said):
            differs.gone_on(file)
    with pytest.raises(UsageError, match=r"expected violations kept of each invariant .* 1, found 3"):
        checkpoints.load(file, asked.world, asked.judge, reduce)
