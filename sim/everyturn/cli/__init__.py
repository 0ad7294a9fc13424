"""The command line: one file for each command. What it prints for people is in :mod:`everyturn.reports.text`."""

from __future__ import annotations

import atexit
import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Final

import click

from everyturn import __version__
from everyturn.cli.ending import ending, hearing_ctrl_c_again, ignore_ctrl_c
from everyturn.verdicts.verdict import Exit

_OBJECTS: Final = 50_000
"""So many objects are made before garbage is looked for."""
COMMANDS: Final = {
    "demo": "demo:demo",
    "check": "check:check",
    "liveness": "liveness:liveness",
    "audit": "audit:audit",
    "coverage": "coverage:coverage",
    "fuzz": "fuzz:fuzz",
    "campaign": "campaign:campaign",
    "merge": "merge:merge",
    "diff": "diff:diff",
    "simulate": "simulate:simulate",
    "replay": "replay:replay",
    "shrink": "shrink:shrink",
    "explain": "explain:explain",
    "report": "report:report",
    "validate": "validate:validate",
    "convert": "convert:convert",
    "export": "export:export",
    "repairs": "repairs:repairs",
    "figure": "figure:figure",
    "game": "game:game",
    "exercise": "exercise:exercise",
    "list": "listing:list_",
}
"""Command → the module of this package and the function that it is; imported when it is asked for."""


class _Commands(click.Group):
    """Commands in the order of the table, each imported when it is needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(f"{__name__}.{module}"), name)
        return command

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        with ending():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            with ending(), _collecting_seldom():
                return super().invoke(ctx)
        finally:
            ignore_ctrl_c()

    def main(self, *args: Any, **extra: Any) -> Any:
        with hearing_ctrl_c_again():
            return super().main(*args, **extra)


@contextmanager
def _collecting_seldom() -> Iterator[None]:
    """Garbage is looked for when there may be more of it than usual: most of what a command makes stays, and looking
    for nothing would take a twentieth of a short one. At the end of the program, which frees all memory, it is not."""
    atexit.unregister(gc.freeze)
    atexit.register(gc.freeze)
    before = gc.get_threshold()
    gc.set_threshold(_OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


@click.group(
    cls=_Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="""What ends a command early is one line on standard error: what was expected, what was found, and where.
    With --json, standard output is one JSON document; after such an error it is empty. `everyturn COMMAND --help` says
    what each exit code means.

    Colours are shown on terminals only, and nowhere if NO_COLOR is set.

    Shell completion: eval "$(_EVERYTURN_COMPLETE=bash_source everyturn)" (or zsh_source, fish_source).
    """,
)
@click.version_option(__version__, message="everyturn %(version)s")
@click.pass_context
def main(context: click.Context) -> None:
    """Every interleaving of every turn: checks the dispatcher of an LLM agent.

    A dispatcher decides which submitted prompt becomes a turn, waits in a queue, is folded into a running turn, is
    cancelled, and who is told that it is over. Start with `everyturn demo`; then `everyturn check --revision
    d3-locked-drain --scope AA` for a proof or a shortest counterexample, and `everyturn replay TOKEN` to look at it.
    """
    if os.environ.get("NO_COLOR"):
        context.color = False
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        context.exit(Exit.USAGE)
