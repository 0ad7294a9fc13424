"""What partial order reduction saves: states and seconds of `--reduce dead` and `--reduce ample`, and what it could
save at most.

    python benchmarks/ample_sets.py [--scopes AA,AA+1c,AAA] [--revisions d0,d4,hardened] [--judges all,no-hang] [--tries
    3]

*Known beforehand*: the same reduction once more, with every macro step known before the first state is expanded, so
that no choice has to be taken back. What an exploration learns on its way cannot leave out more. Numbers of states of
rest, outcomes, violated invariants and local states are compared, and have to be the same. Seconds are the best of the
tries.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from itertools import product

from everyturn.engines.coroutines.exploration import Exploration
from everyturn.engines.explorer.levels import LevelExplorer
from everyturn.verdicts.checker import Judge, select
from everyturn.world.scope import Scope
from everyturn.world.world import World


def judged_by(name: str) -> Judge:
    """All invariants and the specification, or one invariant."""
    return Judge() if name == "all" else Judge(select([name]), conformance=False)


def explorers(scope: str, revision: str, judge: str) -> Iterator[LevelExplorer]:
    """Finished explorations: without and with the reduction, and with all macro steps known beforehand."""
    for reduce in ("dead", "ample"):
        explorer = LevelExplorer(World(Scope.parse(scope), revision), judged_by(judge), reduce)
        explorer.run()
        yield explorer
    knowing = LevelExplorer(World(Scope.parse(scope), revision), judged_by(judge), "ample")
    knowing.graph.tables.redo([list(each) for each in explorer.graph.tables.macro_steps.journal])
    knowing.run()
    yield knowing


def facts(found: Exploration) -> tuple[object, ...]:
    """What no reduction may change."""
    return found.complete, set(found.violations), found.outcomes, found.rests, found.locals


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--scopes", default="AA,AA+1c,AAA")
    parser.add_argument("--revisions", default="d0,d4,hardened")
    parser.add_argument("--judges", default="all,no-hang")
    parser.add_argument("--tries", type=int, default=3)
    options = parser.parse_args()
    print(
        "| scope | revision | judged | states | with ample sets | ratio | known beforehand | seconds | with ample "
        "sets |"
    )
    print("|---|---|---|--:|--:|--:|--:|--:|--:|")
    cells = product(options.judges.split(","), options.scopes.split(","), options.revisions.split(","))
    for judge, scope, revision in cells:
        tries = [[each.found for each in explorers(scope, revision, judge)] for _ in range(options.tries)]
        whole, reduced, knowing = tries[0]
        assert facts(whole) == facts(reduced) == facts(knowing), "the reduction has changed what is found"
        before, after = (min(each[place].seconds for each in tries) for place in (0, 1))
        print(
            f"| `{scope}` | {revision} | {judge} | {whole.states:,} | {reduced.states:,} | "
            f"{whole.states / reduced.states:.2f} "
            f"| {knowing.states:,} | {before:.2f} | {after:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
