"""`everyturn replay --step`: a run that its reader goes through, forwards and backwards, in the terminal."""

from __future__ import annotations

import io
import sys
import textwrap
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

import click

from everyturn.printing import printable

if TYPE_CHECKING:
    from everyturn.page.contents import Story
    from everyturn.page.steps import ToldRun

WIDTH: Final = 100
"""Longer lines go on below, indented."""
KEYS: Final = {
    "Enter, n": "the next step",
    "p": "the previous step",
    "a number": "go to that step",
    "v": "go to the first violation",
    "w": "who waits for whom, after this step",
    "s": "the whole state after this step",
    "? or h": "this help",
    "q": "quit (so does the end of input, and Ctrl-C)",
}

_WRONG: Final = "  ✗ "


def step_through(story: Story) -> None:
    """Show the run of a story step by step, as lines on standard input say, until these end."""
    from everyturn.page.steps import ToldRun, told

    run = ToldRun(story)
    _say([f"{story.name}: {len(run)} steps", *_faults(run), "Enter: the next step; ?: what else there is", ""])
    step = 0
    _say([*told(run, step), *_broken(run, step)])
    for command in _commands():
        if command == "q":
            return
        went, lines = _obeyed(run, step, command)
        if went is None:
            _say(lines)
            continue
        step = went
        _say([*lines, *told(run, step), *_broken(run, step)])


def _obeyed(run: ToldRun, step: int, command: str) -> tuple[int | None, list[str]]:
    """The step to which a command goes, if it goes to one; and what is to be said."""
    if command in ("", "n"):
        return (step + 1, []) if step < len(run) else (None, ["that was the last step; p: the previous one; q: quit"])
    if command == "p":
        return (step - 1, []) if step else (None, ["this is the first step"])
    if command == "v":
        broken = run.first_broken
        return broken, [] if broken is not None else ["nothing is violated in this run"]
    if command == "w":
        return None, list(run.waiting(step))
    if command == "s":
        from everyturn.reports.differences import brief

        return None, [f"{name}: {brief(value)}" for name, value in run.state(min(step, len(run) - 1))]
    if command in ("?", "h"):
        return None, [f"  {key:<10}{meaning}" for key, meaning in KEYS.items()]
    if command.isascii() and command.isdigit() and len(command) < 10 and int(command) <= len(run):
        return int(command), []
    return None, [f"{command}: expected a step from 0 to {len(run)}, or one of n, p, v, w, s, q; ? says what they do"]


def _commands() -> Iterator[str]:
    """What the reader types, a command for each line; a prompt is shown to somebody at a terminal only."""
    typed = _asked_for() if _at_a_terminal() else _piped()
    try:
        yield from (each.strip().lower() for each in typed)
    except (click.Abort, KeyboardInterrupt):  # the end of input at a terminal, or Ctrl-C
        _say([""])


def _at_a_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def _asked_for() -> Iterator[str]:
    while True:
        yield click.prompt("", default="", show_default=False, prompt_suffix="> ")


def _piped() -> Iterator[str]:
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")  # whatever bytes come
    yield from sys.stdin or ()


def _faults(run: ToldRun) -> Iterator[str]:
    """What is wrong with the run, and where, so that the reader knows where to look."""
    if run.story.sentence:
        yield f"{_WRONG}{run.story.sentence}"
    for step in range(len(run) + 1):
        where = f"at step {step}" if step < len(run) else "at rest"
        yield from (f"{line} ({where})" for line in _broken(run, step))


def _broken(run: ToldRun, step: int) -> Iterator[str]:
    yield from (f"{_WRONG}{each.invariant}: {each.sentence}" for each in run.broken(step))


def _say(lines: Iterable[str]) -> None:
    """Lines, whatever names are in them, within the width of a page."""
    for line in lines:
        indent = " " * (len(line) - len(line.lstrip()) + 4)
        for part in textwrap.wrap(printable(line), WIDTH, subsequent_indent=indent, break_on_hyphens=False) or [""]:
            wrong = part.startswith(_WRONG)
            click.echo(click.style(_WRONG, fg="red") + part.removeprefix(_WRONG) if wrong else part)
