"""`everyturn figure`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from everyturn.cli.ending import AGENT, exit_codes, exits
from everyturn.cli.options import PICTURE
from everyturn.errors import UsageError
from everyturn.printing import printable
from everyturn.verdicts.verdict import Exit

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Asked(NamedTuple):
    """What a figure is to show."""

    revisions: tuple[str, ...]
    scopes: tuple[str, ...]
    strategies: tuple[str, ...]
    invariant: str | None
    runs: int
    seed: int
    max_states: int | None
    source: str | None
    prompt: str


@click.command(
    epilog=exit_codes(AGENT, {Exit.HOLDS: "the figure is drawn, whatever it shows"}),
    short_help="A prompt's life, states, growth, strategies compared",
)
@click.argument("what", metavar="WHAT", type=click.Choice(["life", "states", "growth", "strategies"]))
@click.option("--revision", "--agent", "revisions", multiple=True, metavar="NAME", help="Of these (repeatable).")
@click.option("--scope", "scopes", multiple=True, metavar="SCOPE", help="In these scopes (repeatable).")
@click.option("--strategy", "strategies", multiple=True, metavar="NAME", help="By these strategies (repeatable).")
@click.option("--invariant", metavar="NAME", help="What is looked for (strategies), or judged (states, growth).")
@click.option("--runs", type=click.IntRange(1), default=1000, show_default=True, help="Runs of each strategy.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="The same seed, the same runs.")
@click.option("--max-states", type=click.IntRange(1), help="Give up an exploration beyond this many states (growth).")
@click.option("--of", "source", metavar="TOKEN|TRACE", help="Of a prompt in this run (life).")
@click.option("--prompt", default="p1", show_default=True, metavar="NAME", help="Which prompt of that run.")
@click.option("-o", "--output", type=PICTURE, required=True, help="The picture (PNG, SVG or PDF).")
@exits
def figure(
    what: str,
    revisions: tuple[str, ...],
    scopes: tuple[str, ...],
    strategies: tuple[str, ...],
    invariant: str | None,
    runs: int,
    seed: int,
    max_states: int | None,
    source: str | None,
    prompt: str,
    output: Path,
) -> int:
    """Draw a figure.

    WHAT is one of life (of a prompt: phases and events; with `--of`, as they were in a run), states (of one agent in
    one small scope, those of one depth in one column), growth (how many states each scope has, a curve for each agent)
    and strategies (the share of runs that violate an invariant, with intervals). `check --plot` draws the matrix,
    `replay --plot` a run, `repairs --plot` the sets, `simulate -o` a study.
    """
    from everyturn.reports.plots import save

    asked = Asked(revisions, scopes, strategies, invariant, runs, seed, max_states, source, prompt)
    save(_DRAWN[what](asked), output)
    click.echo(f"{what}: {printable(output)}", err=True)
    return Exit.HOLDS


def _life(asked: Asked) -> Figure:
    from everyturn.front.runs import replay
    from everyturn.reports.life_plot import life_in, life_of

    if asked.source is None:
        return life_of()
    agent = _one(asked.revisions, "revision") if asked.revisions else None
    return life_in(replay(asked.source, agent=agent).run, asked.prompt)


def _states(asked: Asked) -> Figure:
    from everyturn.front.graphs import graph
    from everyturn.reports.state_plots import MOST_STATES, states_of
    from everyturn.verdicts.selection import judge_by
    from everyturn.world.scope import Scope
    from everyturn.world.world import World

    world = World(Scope.parse(_one(asked.scopes, "scope")), _one(asked.revisions, "revision"))
    names = () if asked.invariant is None else (asked.invariant,)
    return states_of(graph(world, judge_by(names), MOST_STATES), ("active", "queue"))


def _growth(asked: Asked) -> Figure:
    from everyturn.checking.check import check
    from everyturn.engines.coroutines.exploration import DEFAULT_MAX_STATES, Limits
    from everyturn.reports.comparison_plots import growth_of

    _some(asked.revisions, "revision")
    _some(asked.scopes, "scope")
    limits = Limits(asked.max_states or DEFAULT_MAX_STATES)
    names = () if asked.invariant is None else (asked.invariant,)
    return growth_of(
        [
            check(revision, scope, invariants=names, limits=limits, counter_check=False).cell
            for scope in asked.scopes
            for revision in asked.revisions
        ]
    )


def _strategies(asked: Asked) -> Figure:
    from everyturn.figures import strategies
    from everyturn.front.samples import fuzz

    revision, scope = _one(asked.revisions, "revision"), _one(asked.scopes, "scope")
    if asked.invariant is None:
        raise UsageError("figure strategies: expected an --invariant; found none")
    made = [
        fuzz(revision, scope, strategy=name, runs=asked.runs, seed=asked.seed, invariants=[asked.invariant])
        for name in _some(asked.strategies, "strategy")
    ]
    return strategies(made, asked.invariant)


_DRAWN: Final[dict[str, Callable[[Asked], Any]]] = {
    "life": _life,
    "states": _states,
    "growth": _growth,
    "strategies": _strategies,
}


def _one(given: tuple[str, ...], option: str) -> str:
    if len(given) != 1:
        raise UsageError(f"figure: expected one --{option}; found {len(given) or 'none'}")
    return given[0]


def _some(given: tuple[str, ...], option: str) -> tuple[str, ...]:
    if not given:
        raise UsageError(f"figure: expected one --{option} or more; found none")
    return given
