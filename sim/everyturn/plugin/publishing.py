"""Where CI systems look: SARIF, and annotations of GitHub, of all tests of a run, in whatever process they ran.

A report of a test carries what is told of it, so that xdist hands it on to the process that writes.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from everyturn.errors import EveryturnError
from everyturn.files.writing import expect_writable
from everyturn.plugin import failures
from everyturn.plugin.words import AskedWords
from everyturn.reports import github, refutations, sarif
from everyturn.reports.headline import judged_of
from everyturn.reports.refutations import FilePlace, Subject, ToldDoubt, ToldRefutation


class ToldAnswer(NamedTuple):
    """What a question of a test has come to: what was judged, what is refuted, what is undetermined."""

    judged: Sequence[str]
    refuted: Sequence[ToldRefutation] = ()
    doubtful: Sequence[ToldDoubt] = ()


def of_result(item: Any, words: AskedWords, result: Any) -> str:
    """What is told of the result of a check or a sample, as text that a report can carry."""
    cell = result.cell
    refuted = [_of_test(item, each) for each in refutations.refutations([cell], words.subject)]
    doubtful = [each._replace(subject=_subject(item)) for each in refutations.doubts([cell])]
    return _packed(ToldAnswer([name for name, _ in judged_of(cell)], refuted, doubtful))


def of_run(item: Any, words: AskedWords, again: failures.RunAgain) -> str:
    """What is told of a run that was made again."""
    subject = Subject(words.kind, str(words.subject), "")
    sentence = next(iter(again.story.splitlines()), "")
    refuted = [refutations.explained(subject, name, sentence, again.token, words.subject) for name in again.refuted]
    return _packed(ToldAnswer(again.refuted, [_of_test(item, each) for each in refuted]))


def _of_test(item: Any, told: ToldRefutation) -> ToldRefutation:
    """A refutation as one of a test, which makes the run again; at the test, if no line is known."""
    again = None if told.token is None else failures.command(item, told.token)
    path, line, _ = item.reportinfo()
    place = Path(os.path.relpath(path, item.config.invocation_params.dir)).as_posix()
    places = told.places or (FilePlace(place, (line or 0) + 1, str(item.name)),)
    return told._replace(subject=_subject(item), places=places, again=again)


def _subject(item: Any) -> Subject:
    return Subject("test", str(item.nodeid), "")


def _packed(told: ToldAnswer) -> str:
    return json.dumps(msgspec.to_builtins(told))


class TestPublisher:
    """Takes what reports carry, and at the end writes it: once, in the process that was called. ``sarif``: the file."""

    __test__ = False

    def __init__(self, sarif_file: str | None) -> None:
        self.told: list[ToldAnswer] = []
        self._sarif = None if sarif_file is None else Path(sarif_file)
        if self._sarif is not None:
            try:
                expect_writable(self._sarif)
            except EveryturnError as error:
                raise pytest.UsageError(f"--everyturn-sarif: {error}") from None

    def pytest_runtest_logreport(self, report: Any) -> None:
        """What is refuted where that is expected (`xfail`) is no failure."""
        for each in getattr(report, "everyturn_told", ()):
            told = msgspec.convert(json.loads(each), type=ToldAnswer)
            self.told.append(told if report.failed else told._replace(refuted=()))

    def annotations(self) -> Iterable[str]:
        """A workflow command for each refutation, at the line that decided, and for what is undetermined."""
        for each in self.told:
            yield from github.annotated(each.refuted, each.doubtful)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: Any, exitstatus: int) -> None:
        """Write the log."""
        if self._sarif is None:
            return
        judged = [name for each in self.told for name in each.judged]
        refuted = [told for each in self.told for told in each.refuted]
        doubtful = [told for each in self.told for told in each.doubtful]
        try:
            sarif.write(
                self._sarif, "pytest", judged, refuted, doubtful, interrupted=exitstatus == pytest.ExitCode.INTERRUPTED
            )
        except EveryturnError as error:
            print(f"\neveryturn: {error}", file=sys.stderr)  # noqa: T201 # what is reported, is reported all the same
            session.exitstatus = pytest.ExitCode.USAGE_ERROR
