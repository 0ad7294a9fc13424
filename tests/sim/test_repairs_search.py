"""What a search for repairs finds and says where the truth is known: given by a table, or by how a repair was made."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from contextlib import nullcontext
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from everyturn.checking.repairs import search as searching
from everyturn.checking.repairs.asking import find_repairs
from everyturn.checking.repairs.family import Family, RepairSet
from everyturn.checking.repairs.journal import SCHEMA, ExplorationJournal
from everyturn.checking.repairs.refuting import Refuter, RepairQuestion, Undetermined
from everyturn.checking.repairs.results import RepairRefutation, RepairsFound
from everyturn.checking.repairs.search import search
from everyturn.cli import main
from everyturn.engines.coroutines.exploration import NO_LIMITS
from everyturn.errors import UsageError
from everyturn.reports import repairs as report
from everyturn.verdicts.selection import selection
from everyturn_impl.agent import SessionAgent
from everyturn_impl.calls import Call, Context
from everyturn_impl.endings import Ending
from everyturn_impl.repairs import REPAIRS

POOL = tuple(REPAIRS)[:5]
A, B, C, D, E = POOL


class Told(Refuter):
    """Is told which sets are enough, and which reach a limit; each refuted set has a run that these cure, and, of no
    repair, the set ``other`` too."""

    def __init__(
        self,
        enough: Callable[[RepairSet], bool],
        undetermined: Callable[[RepairSet], bool] = lambda chosen: False,
        stopped: str | None = None,
        other: RepairSet | None = None,
    ) -> None:
        family = Family("d4", POOL)
        question = RepairQuestion(family, selection(("no-hang",)), ("A",), "access", NO_LIMITS)
        super().__init__(question, ExplorationJournal(None), lambda name: nullcontext())
        self.enough, self.open, self.stopped, self.other = enough, undetermined, stopped, other

    def _by_exploring(self, chosen: RepairSet) -> RepairRefutation | None:
        if self.open(chosen):
            raise Undetermined("A", "a limit")
        if self.enough(chosen):
            self.states[chosen] = {"A": 1}
            return None
        return self.run(chosen)

    def violates(self, found: RepairRefutation, chosen: RepairSet) -> RepairRefutation | None:
        cured = self.enough(chosen) or self.open(chosen) or (chosen == self.other and not found.repairs)
        return None if cured else self.run(chosen)

    def explored(self, chosen: RepairSet, scope: str, wanted: Any, *, stop_at_first: bool = False) -> dict[str, Any]:
        return {"refuted": [], "held": ["no-hang"], "states": 1, "stopped": self.stopped if chosen else None}

    def run(self, chosen: RepairSet) -> RepairRefutation:
        return RepairRefutation(self.question.family.in_order(chosen), "A", "no-hang", 1, "somebody hangs", "et2-")


def found_of(refuter: Told, *, breaks: bool = False) -> tuple[RepairsFound, str]:
    """What is found, and what is said of it."""
    found = search(refuter, lambda each: None, breaks=breaks)
    told = [report.progress_line(each) for each in found.sets]
    return found, "\n".join((*told, *report.lines(found)))


def sets_of(found: RepairsFound) -> set[frozenset[str]]:
    return {frozenset(each.repairs) for each in found.sets}


ALL = [frozenset(some) for size in range(len(POOL) + 1) for some in combinations(POOL, size)]


# which sets are found ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(60))
def test_all_minimal_sets_are_found_whatever_repairs_do_to_each_other(seed: int) -> None:
    """Of random tables, in which a repair may undo another: by looking at every set."""
    luck = random.Random(seed)
    enough = {some for some in ALL if luck.random() < luck.choice((0.05, 0.2, 0.5))}
    minimal = {some for some in enough if not any(other < some for other in enough)}
    found, told = found_of(Told(lambda chosen: chosen in enough))
    assert sets_of(found) == minimal
    assert found.complete
    assert ("no set of these repairs is enough" in told) == (not minimal)


def test_a_small_cure_does_not_hide_a_larger_one() -> None:
    """A with B is enough, and so is A with C and D."""
    found, _ = found_of(Told(lambda chosen: {A, B} <= chosen or {A, C, D} <= chosen))
    assert sets_of(found) == {frozenset((A, B)), frozenset((A, C, D))}


def test_cures_that_are_too_many_to_try_are_named_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    """One and two at once are tried whatever their number, and what was not tried is said: none may be called all."""
    monkeypatch.setattr(searching, "AT_MOST", 1)
    found, told = found_of(Told(lambda chosen: chosen in ({A, B}, {C, D, E})))
    assert (sets_of(found), found.together) == ({frozenset((A, B))}, 2)
    assert "there may be others: of repairs that cure a run only together, no more than 2 at once were all" in told
    found, told = found_of(Told(lambda chosen: chosen == {C, D, E}))
    assert (found.sets, found.complete) == ([], False)
    assert "no set of these repairs was found to be enough: of repairs" in told
    found, _ = found_of(Told(lambda chosen: {C, D, E} <= chosen))
    assert sets_of(found) == {frozenset((C, D, E))}


class Doubles(SessionAgent):
    """Publishes twice."""

    async def publish_ending(self, call: Call, caller: Context, ending: Ending) -> None:
        await super().publish_ending(call, caller, ending)
        await super().publish_ending(call, caller, ending)


def test_a_repair_that_breaks_everything_hides_none_that_is_enough() -> None:
    """All together are not enough, since one of them publishes twice."""
    found = find_repairs("d4", ["no-double-emit"], ("AA+1q",), ("clears-under-mutex", Doubles), breaks=False)
    assert [each.repairs for each in found.sets] == [("clears-under-mutex",)]


# limits --------------------------------------------------------------------------------------------------------------


def test_a_smaller_set_that_reaches_a_limit_leaves_minimality_open() -> None:
    """What was found is enough all the same."""
    refuter = Told(lambda chosen: {A, B} <= chosen, lambda chosen: chosen == {A}, other=frozenset((B,)))
    found, told = found_of(refuter)
    (kept,) = found.sets
    assert (kept.repairs, kept.undetermined, kept.minimal) == ((A, B), [((A,), "A")], False)
    assert f"{A}, {B}: enough, minimality undetermined: a limit was reached" in told
    assert "not each proper subset is known to be refuted (2)" in told
    assert told.splitlines()[-1].startswith("sets: 1 (repairs in each: 2); there may be others: a limit was reached")


def test_none_found_under_a_limit_is_not_none_that_is_enough() -> None:
    """Nor does a set that was found say that there are no others."""
    _, told = found_of(Told(lambda chosen: False, lambda chosen: chosen == {A}))
    assert told.splitlines()[-1] == "no set of these repairs was found to be enough: a limit was reached"
    _, told = found_of(Told(lambda chosen: chosen == {B} or chosen >= {C}, lambda chosen: chosen == {C}))
    assert told.splitlines()[-1] == "minimal sets: 1 (repairs in each: 1); there may be others: a limit was reached"


def test_what_a_set_breaks_is_not_known_beyond_a_limit() -> None:
    """That nothing was found broken says nothing then."""
    for stopped, said in (("100 states", True), (None, False)):
        found, told = found_of(Told(lambda chosen: chosen == {A}, stopped=stopped), breaks=True)
        assert found.sets[0].breaks_unknown == ["A"] * said
        assert ("what it breaks at A is not known: a limit was reached" in told) == said


def test_of_a_large_set_only_what_is_known_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of more than eight repairs, that each set with one less is refuted."""
    monkeypatch.setattr(searching, "ALL_SUBSETS", 1)
    _, told = found_of(Told(lambda chosen: {A, B} <= chosen))
    assert f"{A}, {B}: enough, with any one repair less it is not" in told
    assert "nothing less" not in told


def test_of_no_repair_no_subset_is_counted() -> None:
    """There is none."""
    _, told = found_of(Told(lambda chosen: True))
    assert "✓ no repair: enough\n" in told
    assert "subset" not in told


def test_conformance_is_not_searched_for() -> None:
    with pytest.raises(UsageError, match="found conforms: conformance cannot be searched for"):
        find_repairs("d4", ["conforms"], ("A",))


# the journal ---------------------------------------------------------------------------------------------------------

ROW: dict[str, Any] = {"question": "q", "answer": {"refuted": [], "held": ["no-hang"], "states": 1, "stopped": None}}
HEADER = json.dumps({"schema": SCHEMA})


@pytest.mark.parametrize("foreign", ["my notes", "my notes\n", '{"type": "mine"}\n', json.dumps(ROW), "\n"])
def test_a_file_that_is_no_journal_is_refused_and_left_as_it_is(tmp_path: Path, foreign: str) -> None:
    """Exit code 2, where, and what to do."""
    path = tmp_path / "notes"
    path.write_text(foreign)
    ran = CliRunner().invoke(main, ["repairs", "--scope", "A", "--journal", str(path)])
    assert (ran.exit_code, path.read_text()) == (2, foreign)
    assert f"{path}:1: expected {HEADER}" in ran.stderr


@pytest.mark.parametrize(
    "row",
    [
        {**ROW, "answer": {}},
        {**ROW, "answer": 5},
        {**ROW, "question": [1]},
        {**ROW, "answer": {**ROW["answer"], "refuted": [{"invariant": "no-hang"}]}},
        [],
    ],
)
@pytest.mark.parametrize("end", ["", "\n"])
def test_a_row_that_no_search_wrote_is_named(tmp_path: Path, row: object, end: str) -> None:
    """By its line."""
    path = tmp_path / "journal"
    path.write_text(f"{HEADER}\n{json.dumps(ROW)}\n{json.dumps(row)}{end}")
    with pytest.raises(UsageError, match=r"journal:3: expected a question and its answer"):
        ExplorationJournal(path)


def test_a_journal_that_was_cut_anywhere_goes_on_with_what_is_whole(tmp_path: Path) -> None:
    """Also just ahead of a newline: the next row has a line of its own."""
    path, whole = tmp_path / "journal", f"{HEADER}\n{json.dumps(ROW)}\n"
    for end in range(len(whole) + 1):
        path.write_text(whole[:end])
        journal = ExplorationJournal(path)
        assert (journal.get("q") is not None) == (end >= len(whole) - 1)
        journal.put("r", ROW["answer"])
        again = ExplorationJournal(path)
        assert again.get("r") == ROW["answer"]
        assert again.get("q") == journal.get("q")


# what is no repair ---------------------------------------------------------------------------------------------------


class Idle(SessionAgent):
    """Overrides nothing."""

    def something_else(self) -> None:
        """Nobody asks for it."""


def test_a_class_that_overrides_nothing_is_no_repair() -> None:
    """Nor one that has only what the dispatcher does not know."""
    with pytest.raises(UsageError, match="Idle': expected a class that overrides a method of Independent; found none"):
        find_repairs("d4", ["no-hang"], ("A",), (Idle,))


def test_without_coordinator_nobody_refreshes_credentials() -> None:
    """The original's coordinator does; from `d6` on within the stream: a direct caller's turn fails as before."""
    from everyturn.checking.check import check

    states = {name: check(name, "A+1r+d").cell.states for name in ("d4", "d5", "d6", "d10")}
    assert len(set(states.values())) == 1
