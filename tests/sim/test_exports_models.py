"""Promela and Murphi: the models, read back and searched by somebody else, have our states and our verdicts."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from tests.nightly import thinned
from tests.sim.exported_machines import MACHINES, Counted, Missing, Murphi, word

from everyturn.engines.coroutines.exploration import Exploration
from everyturn.engines.coroutines.reached import Reached
from everyturn.engines.coroutines.transitions import FIRST_THREAD, JUDGE
from everyturn.engines.explorer.exhaustive import Explorer
from everyturn.exports import murphi, promela
from everyturn.exports.tables import ScopeTables, tables
from everyturn.verdicts.checker import Judge, select
from everyturn.world.scope import Scope
from everyturn.world.world import World

CASES = [
    ("d4", "AA", "access", ""),
    ("d3", "AA", "access", "no-hang"),
    ("d4", "A+1c", "access", ""),
    ("d4", "AA+1c", "access", "no-hang"),
    ("d4", "AI+1e", "access", ""),
    ("d1", "A+1s+n", "access", ""),
    ("d4", "A+1t+u+x", "access", ""),
    ("d4", "II+1e", "await", ""),
    ("hardened", "Aa+1q", "access", "mission"),
    ("d4", "A+*t", "access", ""),
    ("everyturn.checking.mutants:IdleCancel", "A+2c", "access", ""),
    ("tests.sim.silent_agents:Locks", "II", "access", ""),
]


@cache
def cell(revision: str, scope: str, granularity: str, invariant: str) -> tuple[ScopeTables, Exploration]:
    """The tables of a cell, and what the explorer says of it."""
    judge = Judge(select([invariant] if invariant else []), conformance=not invariant)
    explored = Explorer(World(Scope.parse(scope), revision, granularity), judge).run()
    return tables(Reached(World(Scope.parse(scope), revision, granularity), judge)), explored


def expected(explored: Exploration) -> Counted:
    """What has to come out."""
    return Counted(explored.states, explored.transitions, set(explored.violations))


@thinned(4)
@pytest.mark.parametrize("language", MACHINES)
@pytest.mark.parametrize("case", CASES, ids=" ".join)
def test_a_model_has_our_states_transitions_and_verdicts(language: str, case: tuple[str, str, str, str]) -> None:
    """Composed anew from its tables by another search, nothing is missing, and everything counts the same."""
    model, explored = cell(*case)
    ours = expected(explored)
    counted = MACHINES[language](model).search()
    assert counted._replace(broken=set()) == ours._replace(broken=set())
    assert counted.broken == {word(name) for name in ours.broken}


def test_steps_are_looked_up_by_all_that_they_depend_on() -> None:
    """In every reachable state, the table gives the explorer's outcomes and what is seen of them, shared data
    included."""
    reached = Reached(World(Scope.parse("A+2c"), "everyturn.checking.mutants:IdleCancel"), Judge())
    model = tables(reached)
    for thread, table in enumerate(model.threads):
        place = FIRST_THREAD + thread
        numbers = {local: number for number, local in enumerate(sorted({row[place] for row in reached.rows}))}
        for row in reached.rows:
            local = numbers[row[place]]
            touched = table.columns[local]
            ways = table.steps[local][tuple(row[column] for column in touched)]
            for (_, choice, after, _), way in zip(reached.transitions.moves(row, thread), ways, strict=True):
                changed = dict(zip(touched, way.values, strict=True))
                assert after[:JUDGE] == tuple(changed.get(column, row[column]) for column in range(JUDGE))
                assert numbers[after[place]] == way.local
                assert reached.transitions.seen(row, thread, choice) == model.seen[way.events]


@pytest.mark.parametrize("language", MACHINES)
def test_a_state_that_we_had_missed_would_show(language: str) -> None:
    """Without any one entry of a thread's table, somebody who searches the whole looks it up in vain."""
    model, _ = cell("d4", "A+1c", "access", "")
    (thread, *others) = model.threads
    for local in list(thread.steps)[::7]:
        steps = {**thread.steps, local: dict(list(thread.steps[local].items())[1:])}
        with pytest.raises(Missing):
            MACHINES[language](replace(model, threads=(replace(thread, steps=steps), *others))).search()


def test_nothing_is_asserted_in_a_model_for_counting() -> None:
    """Without properties a tool goes on behind a violation."""
    model, explored = cell("d3", "AA", "access", "no-hang")
    text = "\n".join(murphi.write(model, properties=False))
    assert ("invariant" in text, "assert" in text) == (False, False)
    assert Murphi(text).machine().search() == expected(explored)._replace(broken=set())


# the tools --------------------------------------------------------------------------------------------------------


def needs(*tools: str) -> None:
    """Skip the test where a tool is not installed."""
    missing = [tool for tool in (*tools, "gcc") if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}, which Debian has")


def run(folder: Path, *command: str) -> str:
    """What a tool says; whether it fails is not asked."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def spin(folder: Path, lines: Iterable[str]) -> str:
    """SPIN's verdict on a model."""
    (folder / "model.pml").write_text("\n".join(lines))
    run(folder, "spin", "-a", "model.pml")
    run(folder, "gcc", "-O0", "-w", "-DSAFETY", "-DNOREDUCE", "-o", "pan", "pan.c")
    return run(folder, "./pan", "-m1000000", "-w18")


def rumur(folder: Path, lines: Iterable[str]) -> str:
    """Rumur's verdict on a model."""
    (folder / "model.m").write_text("\n".join(lines))
    run(folder, "rumur", "--quiet", "--deadlock-detection", "off", "--output", "model.c", "model.m")
    run(folder, "gcc", "-std=c11", "-O0", "-w", "-mcx16", "-o", "model", "model.c", "-pthread")
    return run(folder, "./model")


@pytest.mark.parametrize("invariant", ["no-hang", "one-turn"])
def test_spin_agrees(tmp_path: Path, invariant: str) -> None:
    """States stored, transitions (with one look at each rest) and the verdict."""
    needs("spin")
    model, explored = cell("d3", "AA", "access", invariant)
    said = spin(tmp_path, promela.write(model, properties=False))
    counts = (re.search(rf"(\d+) states, {each}", said) for each in ("stored", "matched"))
    stored, matched = (int(each[1]) for each in counts)  # type: ignore[index]
    assert (stored, stored + matched - 1) == (explored.states, explored.transitions + explored.rests)
    refuted = f"precondition false: !{word(invariant)}_broken" in spin(tmp_path, promela.write(model))
    assert refuted == (invariant in explored.violations)


@pytest.mark.parametrize("invariant", ["no-hang", "one-turn"])
def test_rumur_agrees(tmp_path: Path, invariant: str) -> None:
    """States, rules fired (with one look at each rest) and the verdict."""
    needs("rumur")
    model, explored = cell("d3", "A+1c", "access", invariant)
    said = rumur(tmp_path, murphi.write(model, properties=False))
    counts = re.search(r"(\d+) states, (\d+) rules fired", said.rsplit("State Space Explored", 1)[1])
    assert counts is not None
    assert (int(counts[1]), int(counts[2])) == (explored.states, explored.transitions + explored.rests)
    refuted = re.search(rf'(invariant|assertion)?.*"?{invariant}"? failed', rumur(tmp_path, murphi.write(model)))
    assert (refuted is not None) == (invariant in explored.violations)
