"""How a command ends: its exit code, what the codes mean, and what is said of what went wrong."""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import wraps
from typing import Any, Final, NoReturn, TextIO

import click

from everyturn.errors import EveryturnError, UsageError
from everyturn.printing import bounded, printable, printable_lines
from everyturn.source_location import raised_at
from everyturn.verdicts.verdict import Exit
from everyturn.world import overrun
from everyturn.world.entering import leave, named, told

_ALWAYS: Final[dict[int, str]] = {
    Exit.USAGE: "usage error, or a file that cannot be read or written",
    Exit.INTERNAL: "internal error",
    Exit.INTERRUPTED: "interrupted",
}
AGENT: Final[dict[int, str]] = {Exit.INTERNAL: "internal error, or an agent that is not deterministic"}
KEPT: Final[dict[int, str]] = {Exit.INTERRUPTED: "interrupted; what was found so far is shown"}
VERDICTS: Final[dict[int, str]] = KEPT | {
    Exit.HOLDS: "everything that was judged holds, invariants and conformance alike",
    Exit.REFUTED: "something is refuted: an invariant or conformance",
    Exit.UNDETERMINED: "nothing is refuted, and something is undetermined",
}
"""What exit codes mean: for every command; for those that run an agent, keep what they found, judge cells or runs."""


def exit_codes(*meanings: Mapping[int, str]) -> str:
    """The end of a command's help: each exit code that it can have, with what it means there. The last meaning
    counts."""
    said: dict[int, str] = {}
    for each in (_ALWAYS, *meanings):
        said |= each
    return "\n".join(("\b", "Exit codes:", *(f"  {int(code):<5}{said[code]}" for code in sorted(said))))


def exits(body: Callable[..., int]) -> Callable[..., NoReturn]:
    """Turn a command's exit code and what it raises into the process's exit code."""

    @wraps(body)
    def command(*args: Any, **kwargs: Any) -> NoReturn:
        code = int(Exit.INTERNAL)
        with ending():
            with overrun.watching():
                code = int(body(*args, **kwargs))
            if code == Exit.NOTHING_RAN:
                click.echo("everyturn: nothing ran, so there is no verdict", err=True)
            if sys.stdout is not None:
                sys.stdout.flush()
        raise CommandEnded(code)

    return command


class CommandEnded(SystemExit):
    """The end of the process as a command wants it, told from what other code may do to end it."""


@contextmanager
def ending() -> Iterator[None]:
    """End the process with the exit code of what is raised within, so that no failure looks like a verdict."""
    try:
        yield
    except (click.exceptions.Exit, CommandEnded):
        raise
    except click.ClickException as error:
        code = _said(error.exit_code, _in_a_line(error))
    except UsageError as error:
        code = _said(Exit.USAGE, str(error))
    except EveryturnError as error:
        code = _said(Exit.INTERNAL, f"internal: {error}")
    except KeyboardInterrupt:
        code = _said(Exit.INTERRUPTED, "interrupted")
    except OSError as error:
        code = _of_system(error)
    except MemoryError as error:
        code = _said(Exit.UNDETERMINED, f"out of memory, and nothing is known: expected --max-memory; found {error!r}")
    except Exception as error:  # noqa: BLE001 # whatever it is, it must not end as a refutation does
        code = _unexpected(error)
    except BaseException as error:  # noqa: BLE001 # nor as a proof
        code = _said(
            Exit.USAGE, f"{raised_at(error)}: expected code that leaves the program running; found {told(error)}"
        )
    else:
        return
    raise CommandEnded(code)


def ignore_ctrl_c() -> None:
    """The exit code is settled: there is nothing to be interrupted any more, and what click makes of Ctrl-C is exit
    code 1, which means *refuted*."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def hearing_ctrl_c_again() -> Iterator[None]:
    """Afterwards Ctrl-C does what it did before."""
    before = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        if before is not None and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, before)


_UNWRITABLE: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF})
"""Without a file's name, these errors are standard output's."""


def _of_system(error: OSError) -> int:
    """The exit code when a file cannot be used, or output not be written; a reader who has gone is no error of ours."""
    reason = error.strerror or str(error)
    if isinstance(error, BrokenPipeError):
        _silence(sys.stdout)
        return 128 + signal.SIGPIPE
    if error.filename is not None:
        return _said(Exit.USAGE, f"{error.filename}: {reason}")
    if error.errno in _UNWRITABLE:
        _silence(sys.stdout)
        return _said(Exit.USAGE, f"expected output that can be written; found: {reason}")
    return _unexpected(error)


def _unexpected(error: Exception) -> int:
    """What to report, and a last line that says whose fault it is."""
    trace = told(error, lambda each: "".join(traceback.format_exception(each)))
    return _said(Exit.INTERNAL, f"internal error: {told(error, named)}", trace)


def _in_a_line(error: click.ClickException) -> str:
    """What click says of the command line, told as our own errors are, with the command that helps."""
    context = getattr(error, "ctx", None)
    hint = "" if context is None else f" (see `{context.command_path} --help`)"
    return f"{' '.join(error.format_message().split())}{hint}"


def _said(code: int, text: str, before: str = "") -> int:
    """``code``, after ``text`` was said on standard error, if that can be written."""
    leave()
    try:
        click.echo(f"{printable_lines(before)}everyturn: {bounded(text)}", err=True)
    except (OSError, ValueError):  # ValueError: it is closed
        _silence(sys.stderr)
    return code


def complain(text: object) -> None:
    """One line on standard error, whatever names are in it."""
    click.echo(f"everyturn: {bounded(printable(text))}", err=True)


def _silence(stream: TextIO) -> None:
    """What is still buffered goes nowhere, so that the interpreter has nothing to complain about at its end."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
