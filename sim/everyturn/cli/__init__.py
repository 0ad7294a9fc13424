"""The command line: one file for each command. What it prints for people is in :mod:`everyturn.reports.text`."""

from __future__ import annotations

from importlib import import_module
from typing import Final

import click

from everyturn import __version__

COMMANDS: Final = {
    "demo": "demo:demo",
    "check": "check:check",
    "liveness": "liveness:liveness",
    "audit": "audit:audit",
    "coverage": "coverage:coverage",
    "fuzz": "fuzz:fuzz",
    "simulate": "simulate:simulate",
    "replay": "replay:replay",
    "shrink": "shrink:shrink",
    "explain": "explain:explain",
    "validate": "validate:validate",
    "convert": "convert:convert",
    "export": "export:export",
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


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog='Shell completion: eval "$(_EVERYTURN_COMPLETE=bash_source everyturn)" (or zsh_source, fish_source).',
)
@click.version_option(__version__, message="everyturn %(version)s")
def main() -> None:
    """Every interleaving of every turn: checks the dispatcher of an LLM agent.

    A dispatcher decides which submitted prompt becomes a turn, waits in a queue, is folded into a running turn, is
    cancelled, and who is told that it is over. Start with `everyturn demo`; then `everyturn check --revision
    d3-locked-drain --scope AA` for a proof or a shortest counterexample, and `everyturn replay TOKEN` to look at it.
    """
