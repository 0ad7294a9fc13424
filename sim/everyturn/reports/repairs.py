"""What a search for repairs says: sets, why nothing less will do, and the sets that were looked at as a diagram."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from string import ascii_uppercase
from typing import TYPE_CHECKING, Final

from everyturn.checking.repairs.results import MinimalSet, RepairRefutation, RepairsFound
from everyturn.errors import UsageError
from everyturn.reports.plots import blank
from everyturn.verdicts.colours import COLOURS
from everyturn.verdicts.verdict import Verdict

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from networkx import DiGraph

MOST_SETS: Final = 150
"""Larger diagrams cannot be read."""


def progress_line(found: MinimalSet | RepairRefutation) -> str:
    """A set that was looked at."""
    names = ", ".join(found.repairs) or "no repair"
    if isinstance(found, MinimalSet) and not found.repairs:
        return f"✓ {names}: enough"
    if isinstance(found, MinimalSet):
        return f"✓ {names}: enough, {_less(found)}"
    return f"✗ {names}: {found.invariant} at {found.scope}, {found.steps} steps"


def lines(found: RepairsFound) -> Iterator[str]:
    """The whole of what was found."""
    what = ", ".join(found.invariants)
    yield (
        f"{what} from {found.base} in {_many(len(found.scopes), 'scope')}, with {_many(len(found.repairs), 'repair')}: "
        f"{_many(len(found.tried), 'set')} refuted on the way, {_many(found.explorations, 'exploration')}, "
        f"{_many(found.replays, 'replay')}, {found.seconds:,.0f} s"
    )
    if found.has:
        yield f"the base has already: {', '.join(found.has)}"
    for number, kept in enumerate(found.sets, start=1):
        yield ""
        yield from _set(kept, f"set {number} of {len(found.sets)}")
    for each in found.hopeless:
        yield f"nothing {'here' if found.together is None else 'that was tried'} cures: {progress_line(each)}"
        yield f"    everyturn replay {each.token}"
    yield from _undetermined(found)
    yield ""
    yield _conclusion(found)


def brief(found: RepairsFound) -> Iterator[str]:
    """A line for each set that is enough, for what it breaks, and for what nothing cures, with tokens; what is not
    known; how many sets there are."""
    for kept in found.sets:
        yield progress_line(kept)
        yield from (f"  ! breaks {each.invariant} at {each.scope}  {each.token}" for each in kept.breaks)
        if kept.breaks_unknown:
            yield _not_known(kept)
    yield from (f"{progress_line(each)}  {each.token}" for each in found.hopeless)
    yield from _undetermined(found)
    yield _conclusion(found)


def _undetermined(found: RepairsFound | MinimalSet) -> Iterator[str]:
    for names, scope in found.undetermined:
        yield f"undetermined: {', '.join(names) or 'no repair'} at {scope}: a limit was reached"


def _not_known(kept: MinimalSet) -> str:
    return f"  what it breaks at {', '.join(kept.breaks_unknown)} is not known: a limit was reached"


def _conclusion(found: RepairsFound) -> str:
    if found.interrupted:
        return f"interrupted; minimal sets so far: {len(found.sets)}"
    if found.stopped_early:
        return "one minimal set was asked for; there may be others"
    if not found.sets:
        if found.complete:
            return "no set of these repairs is enough"
        return f"no set of these repairs was found to be enough: {_reasons(found)}"
    if not found.sets[0].repairs:
        return "it holds without any repair"
    sizes = ", ".join(str(len(each.repairs)) for each in found.sets)
    others = "" if found.complete else f"; there may be others: {_reasons(found)}"
    minimal = "minimal sets" if all(each.minimal for each in found.sets) else "sets"
    return f"{minimal}: {len(found.sets)} (repairs in each: {sizes}){others}"


def _reasons(found: RepairsFound) -> str:
    """Why a search does not know of every set."""
    reasons = []
    if found.undetermined or any(not each.minimal for each in found.sets):
        reasons.append("a limit was reached")
    if found.together is not None:
        reasons.append(
            f"of repairs that cure a run only together, no more than {found.together} at once were all tried"
        )
    return "; ".join(reasons)


def _less(found: MinimalSet) -> str:
    """What is known of smaller sets, in a clause."""
    if found.undetermined:
        return "minimality undetermined: a limit was reached"
    return "with any one repair less it is not" if found.one_less else "and nothing less is"


def _many(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' * (number != 1)}"


def _set(found: MinimalSet, head: str) -> Iterator[str]:
    states = sum(found.states.values())
    proofs = _many(len(found.states), "scope")
    yield f"{head}: {_many(len(found.repairs), 'repair')}, proved in {proofs} ({states:,} states)"
    yield from (f"  {name}" for name in found.repairs)
    if found.repairs:
        yield from _smaller(found)
    for each in found.breaks:
        yield f"  ! breaks {each.invariant} at {each.scope}, which holds without these repairs: {each.sentence}"
        yield f"      everyturn replay {each.token}"
    if found.breaks_unknown:
        yield _not_known(found)


def _smaller(found: MinimalSet) -> Iterator[str]:
    """Of the subsets: how many are refuted, those with one repair less, and those that are not known."""
    which = "set with one repair less" if found.one_less else "proper subset"
    each_is = f"each {which} is refuted" if found.minimal else f"not each {which} is known to be refuted"
    yield f"  {each_is} ({len(found.subsets)}); with one repair less:"
    for each in found.subsets:
        if len(each.repairs) == len(found.repairs) - 1:
            (missing,) = set(found.repairs) - set(each.repairs)
            yield f"    without {missing}: {each.invariant} at {each.scope}, {each.steps} steps: {each.sentence}"
            yield f"      everyturn replay {each.token}"
    yield from (f"    {line}" for line in _undetermined(found))


def table(found: RepairsFound) -> list[dict[str, object]]:
    """A row for each minimal set and repair: what is violated without it, where, in how many steps, by which token."""
    return [
        {
            "set": number,
            "repair": missing,
            "without it": each.invariant,
            "scope": each.scope,
            "steps": each.steps,
            "token": each.token,
        }
        for number, kept in enumerate(found.sets, start=1)
        for each in kept.subsets
        for missing in set(kept.repairs) - set(each.repairs)
        if len(each.repairs) == len(kept.repairs) - 1
    ]


def diagram(found: RepairsFound) -> DiGraph[frozenset[str]]:
    """The sets that were looked at, ordered by inclusion: an edge from each to those that have one more step to go.

    A node has ``refuted``, none if it is enough.
    """
    import networkx

    graph: DiGraph[frozenset[str]] = networkx.DiGraph()
    for each in (*found.tried, *(subset for kept in found.sets for subset in kept.subsets)):
        graph.add_node(frozenset(each.repairs), refuted=each)
    for kept in found.sets:
        graph.add_node(frozenset(kept.repairs), refuted=None)
    graph.add_edges_from((low, high) for low, high in combinations(sorted(graph, key=len), 2) if low < high)
    reduced = networkx.transitive_reduction(graph)
    reduced.add_nodes_from(graph.nodes(data=True))
    return reduced


def figure(found: RepairsFound) -> Figure:
    """The Hasse diagram: sets that are enough in green, refuted ones in red with where; a letter stands for a repair.

    Raises :class:`UsageError` for one that nobody could read.
    """
    graph = diagram(found)
    if len(graph) > MOST_SETS:
        raise UsageError(f"expected at most {MOST_SETS} sets to draw, found {len(graph)}: ask for fewer repairs")
    used = [name for name in found.repairs if any(name in each for each in graph)]
    letters = dict(zip(used, ascii_uppercase, strict=False))
    rows: dict[int, list[frozenset[str]]] = {}
    for each in sorted(graph, key=lambda each: (len(each), sorted(letters[name] for name in each))):
        rows.setdefault(len(each), []).append(each)
    width = max(map(len, rows.values()), default=1)
    image, axes = blank(2.5 + 1.25 * width, 1.5 + 1.1 * len(rows) + 0.2 * len(letters))
    places = {each: (place - (len(row) - 1) / 2, size) for size, row in rows.items() for place, each in enumerate(row)}
    for low, high in graph.edges:
        axes.plot(*zip(places[low], places[high], strict=True), color="#bbbbbb", linewidth=0.7, zorder=1)
    for each, (across, up) in places.items():
        refuted: RepairRefutation | None = graph.nodes[each]["refuted"]
        colour = COLOURS[Verdict.PROVED if refuted is None else Verdict.REFUTED]
        name = "".join(sorted(letters[name] for name in each)) or "none"
        label = name if refuted is None else f"{name}\n{refuted.scope}"
        axes.text(
            across,
            up,
            label,
            ha="center",
            va="center",
            fontsize=7,
            color="white",
            bbox={"boxstyle": "round", "facecolor": colour, "edgecolor": "none"},
        )
    _frame(axes, width, rows, [f"{letter}  {name}" for name, letter in letters.items()])
    axes.set_title(f"{', '.join(found.invariants)} from {found.base}", loc="left", fontsize=9)
    return image


def _frame(axes: object, width: int, rows: dict[int, list[frozenset[str]]], legend: Sequence[str]) -> None:
    from matplotlib.axes import Axes

    assert isinstance(axes, Axes)
    axes.set_xlim(-width / 2 - 0.5, width / 2 + 0.5)
    axes.set_ylim(-0.6, max(rows, default=0) + 0.6)
    axes.set_axis_off()
    axes.text(0, 0, "\n".join(legend), transform=axes.transAxes, fontsize=7, va="top")
