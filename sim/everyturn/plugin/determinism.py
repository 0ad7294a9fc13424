"""Whether a question has the same answer again: here, and in another process, where strings have other hashes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from everyturn.plugin.failures import RunAgain
from everyturn.verdicts.checker import CONFORMS
from everyturn.verdicts.verdict import Cell, InvariantResult

ANSWERS: Final = "EVERYTURN_ANSWERS"
"""The variable of the environment that tells a second process where to leave its answers."""
_COUNTS: Final = ("states", "transitions", "depth", "schedules", "complete", "strategy", "seed")

GivenAnswer = Mapping[str, Any]
"""What must be the same: a name, such as ``states`` or ``no-hang: token``, and its value."""


def answer(cell: Cell) -> GivenAnswer:
    """What a cell says that must be the same each time: verdicts, counts, tokens."""
    said = {**cell.invariants, **({} if cell.conforms is None else {CONFORMS: cell.conforms})}
    counts = {name: getattr(cell, name) for name in _COUNTS}
    told = {f"{name}: {word}": value for name, judged in said.items() for word, value in _of_invariant(judged).items()}
    found = {"verdict": str(cell.verdict), **counts, "stopped": cell.stopped, **told}
    return {name: value for name, value in found.items() if value is not None}


def answer_of_run(again: RunAgain) -> GivenAnswer:
    """What a run says that was made again: what it violates, and where it left the recorded path."""
    return {"violated": list(again.refuted), "token": again.token, "strayed": str(again.result.strayed)}


def _of_invariant(judged: InvariantResult) -> dict[str, Any]:
    return {"verdict": str(judged.verdict), "steps": judged.steps, "count": judged.count, "token": judged.token}


def differences(one: GivenAnswer, other: GivenAnswer) -> list[str]:
    """What is not the same, line by line."""
    names = [*one, *(name for name in other if name not in one)]
    return [
        f"  {name}: {one.get(name, 'nothing')} and {other.get(name, 'nothing')}"
        for name in names
        if one.get(name) != other.get(name)
    ]


class ProcessElsewhere:
    """The same test in another process, whose strings have other hashes; started when it is asked first."""

    def __init__(self, item: Any) -> None:
        self._item = item
        self._answers: Iterator[GivenAnswer] | None = None
        self._said = ""

    def next_answer(self) -> GivenAnswer:
        """The answer to the next question of the test; what is said of none if there is none."""
        if self._answers is None:
            self._answers = iter(self._asked())
        found = next(self._answers, None)
        return {"answer": f"none: {self._said}"} if found is None else found

    def _asked(self) -> list[GivenAnswer]:
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder) / "answers"
            place.touch()
            hashes = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
            done = subprocess.run(  # noqa: S603 # pytest, as it was called
                [sys.executable, "-m", "pytest", *_arguments(self._item)],
                cwd=self._item.config.invocation_params.dir,
                env=os.environ | {"PYTHONHASHSEED": hashes, ANSWERS: str(place)},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
            said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
            self._said = said[-1] if said else f"exit code {done.returncode}"
            return [json.loads(line) for line in place.read_text(encoding="utf-8").splitlines()]


def leave_answer(found: GivenAnswer) -> bool:
    """Leave an answer for the process that asked for it; whether one did."""
    place = os.environ.get(ANSWERS)
    if place is None:
        return False
    with Path(place).open("a", encoding="utf-8") as file:
        file.write(json.dumps(found) + "\n")
    return True


def _arguments(item: Any) -> list[str]:
    """How pytest is told to make one test, as it was told here, alone and in one process."""
    config = item.config
    inherited = [f"-p{name}" for name in config.option.plugins if name not in ("xdist", "terminal")]
    settings = [f"--override-ini={each}" for each in config.option.override_ini or ()]
    configured = [] if config.inipath is None else ["-c", str(config.inipath)]
    own = [
        f"--everyturn-{name.replace('_', '-')}={config.getoption(f'everyturn_{name}')}"
        for name in ("seed", "runs", "max_seconds", "strategy")
        if config.getoption(f"everyturn_{name}") is not None
    ]
    _, _, rest = str(item.nodeid).partition("::")
    return [
        *configured,
        f"--rootdir={config.rootpath}",
        f"--import-mode={config.getoption('importmode')}",
        *inherited,
        *settings,
        *(f"-W{each}" for each in config.known_args_namespace.pythonwarnings or ()),
        *own,
        "-q",
        "-pno:cacheprovider",
        f"{item.path}::{rest}",
    ]
