"""Failures as files to be used at once: a test that fails until it is cured, and what a folder of known ones keeps."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from everyturn.campaigns.counting import CampaignFailure
from everyturn.campaigns.held import HeldUnits
from everyturn.campaigns.known import KnownFailure, file_name, write_failure
from everyturn.campaigns.subjects import PORTS
from everyturn.files.writing import replacing, written

RUNS = 1000
"""How many runs a test makes besides the one that failed: after a cure that one may be another run."""

_TEST = '''"""{what}"""

import pytest


@pytest.mark.everyturn({words})
def test_{name}(everyturn):
    everyturn.replay({token})
    everyturn.fuzz(runs={runs}, seed=0)
'''


def write_failures(folder: Path, failures: Iterable[CampaignFailure], held: HeldUnits) -> list[Path]:
    """Write of each failure a test for pytest, the file that a folder of known failures keeps, and its run as a
    compressed trace, if it has one. The same failures have the same files. Raises :class:`UsageError`."""
    tests = []
    for each in failures:
        name = file_name(each.failure)
        write_failure(folder, each.failure)
        tests.append(folder / f"test_{name}.py")
        written(tests[-1], [test_of(each.failure).encode()])
        trace = held.traces.get(each.found.unit)
        if trace is not None:
            with replacing(folder / f"{name}.jsonl.zst") as file:
                file.write(trace)  # it is compressed already
    return tests


def test_of(failure: KnownFailure) -> str:
    """A test for pytest that makes the failing run again, and a sample of others in its scope."""
    words: list[tuple[str, str]] = [(failure.kind, failure.name)]
    if failure.scope:
        words.append(("scope", failure.scope))
    if failure.setting is not None:
        words.append(("granularity" if failure.kind in PORTS else "order", failure.setting))
    said = [f"{key}={_quoted(value)}" for key, value in words]
    if failure.kind != "scenario":
        said.append(f"invariants=[{_quoted(failure.invariant)}]")
    what = f"{failure.place}: {failure.invariant}: {failure.what}"
    return _TEST.format(
        what=_quoted(what)[1:-1],
        words=", ".join(said),
        name=file_name(failure),
        token=_quoted(failure.token),
        runs=RUNS,
    )


def _quoted(text: str) -> str:
    return json.dumps(text)
