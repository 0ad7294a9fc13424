"""Commands to go on with, as they are printed: each carries every option without which it would ask for something
else."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Final

from everyturn.verdicts.verdict import Cell
from everyturn_model.invariants import INVARIANTS

_IN_NO_FILE: Final = "__main__:"
"""How the name of a class begins that lies where Python was started: in a notebook, say."""


def command(name: str, *arguments: str, **options: str | None) -> str:
    """An ``everyturn`` command for a shell; options that are none are left out."""
    given = [(f"--{option.replace('_', '-')}", value) for option, value in options.items() if value is not None]
    return shlex.join(["everyturn", name, *arguments, *(part for pair in given for part in pair)])


def dispatcher(revision: str) -> Mapping[str, str]:
    """The option that names a dispatcher: a revision, or a class of the user's own."""
    return {"agent" if ":" in revision else "revision": revision}


def of_run(name: str, token: str, revision: str, invariant: str | None = None) -> str:
    """A command on a recorded run of a dispatcher: a token knows all else, but names no code of the user's own to be
    imported. Where no command finds the class, since it was defined in a notebook, a call that is made there."""
    if revision.startswith(_IN_NO_FILE):
        return call(name, token, "agent", revision, invariant)
    own = dispatcher(revision) if ":" in revision else {}
    return command(name, token, **own, invariant=invariant)


def of_program(name: str, token: str, what: str, program: str) -> str:
    """A command, or a call, on a recorded run of a program; ``what``: `scenario` or `session`."""
    if program.startswith(_IN_NO_FILE):
        return call(name, token, what, program)
    return command(name, token, **{what: program})


def call(name: str, token: str, what: str, program: str, invariant: str | None = None) -> str:
    """A call of Python for where ``program`` was defined; ``what``: the parameter that takes it."""
    wanted = "" if invariant is None else f", invariants=[{invariant!r}]"
    return f"everyturn.{name}({token!r}, {what}={program.rpartition(':')[2].rpartition('.')[2]}{wanted})"


def replay_of(cell: Cell, token: str, invariant: str) -> str:
    """How to replay a violation in a cell: judged by all, unless the cell was judged by some invariants only."""
    some = cell.conforms is None or len(cell.invariants) < len(INVARIANTS)
    return of_run("replay", token, cell.revision, invariant if some else None)


def of_world(name: str, revision: str, scope: str, granularity: str = "access", invariant: str | None = None) -> str:
    """A command on a scope; ``access`` is what commands do if they are not told."""
    fine = None if granularity == "access" else granularity
    return command(name, **dispatcher(revision), scope=scope, granularity=fine, invariant=invariant)
