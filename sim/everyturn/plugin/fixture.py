"""The fixture: a test asks, and what is found makes it pass or fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, Final, Literal

import pytest

from everyturn.errors import EveryturnError, UsageError
from everyturn.plugin import failures
from everyturn.plugin.determinism import (
    GivenAnswer,
    ProcessElsewhere,
    answer,
    answer_of_run,
    differences,
    leave_answer,
)
from everyturn.plugin.settings import Settings, settings
from everyturn.plugin.tokens_of_tests import belongs
from everyturn.plugin.words import AskedWords, said
from everyturn.verdicts.verdict import Verdict

HowAsked = Literal["check", "fuzz", "replay"]
"""What is asked."""

_NOTHING: Final = (Verdict.NOT_PROMISED, Verdict.NOT_JUDGED)
"""Verdicts on a whole of which nothing was judged."""


class RunMadeAgain(BaseException):
    """Ends a test that was to make a run again, when that run violates nothing."""


class MarkedTest:
    """What the fixture ``everyturn`` is: each method takes the words of the marker, and those of the call count more.

    A refutation fails the test, and so does an undetermined verdict unless that is allowed. Otherwise the result of the
    front door is returned.
    """

    def __init__(self, item: Any) -> None:
        self._item = item
        self._answered = False
        self.told: list[str] = []
        """What reports of this test carry to the process that publishes it."""
        self._elsewhere = ProcessElsewhere(item)

    def check(self, **words: Any) -> Any:
        """Every interleaving, or every run: as :func:`everyturn.check` and its sisters for scenarios and sessions."""
        __tracebackhide__ = True
        return self._ask("check", words)

    def fuzz(self, **words: Any) -> Any:
        """A sample of runs: as :func:`everyturn.fuzz` and its sisters."""
        __tracebackhide__ = True
        return self._ask("fuzz", words)

    def replay(self, token: str, **words: Any) -> Any:
        """One run again, from its token: as :func:`everyturn.replay` and its sisters."""
        __tracebackhide__ = True
        with self._telling():
            told, asked = settings(self._item.config), self._words("replay", words)
            again = failures.made_again(asked, token)
            self._note(asked, "replay", str(again.verdict), again.counts)
            self._tell_run(asked, again, told)
            self._compare(answer_of_run(again), lambda: answer_of_run(failures.made_again(asked, token)), told)
            if again.refuted:
                self._fail(failures.story_of_a_run(again), told, again)
            return again.result

    def expect_an_answer(self) -> None:
        """Fail a test that took the fixture and has asked nothing."""
        __tracebackhide__ = True
        if not self._answered:
            pytest.fail(
                f"{self._place()}: expected everyturn.check(), everyturn.fuzz() or everyturn.replay(TOKEN) to be "
                "called; found that nothing was, so that nothing was checked",
                pytrace=False,
            )

    def _ask(self, way: HowAsked, call: Mapping[str, Any]) -> Any:
        __tracebackhide__ = True
        with self._telling():
            told, words = settings(self._item.config), self._words(way, call)
            if told.replay is not None:
                self._replay_instead(words, told.replay, told)
            asked = words._replace(others={**told.under, **words.others, **told.over})
            question = getattr(asked.front, way)
            with _interrupted(asked, way):
                result = question(**asked.taken_by(question))
                self._note(asked, way, str(result.verdict), failures.counts_of(result))
                if result.interrupted:
                    raise KeyboardInterrupt
                limit = asked.others.get("max_seconds") is not None
                timed = limit and (way == "fuzz" or "seconds" in str(result.cell.stopped))
                again = partial(question, **asked.taken_by(question))
                self._compare(answer(result.cell), lambda: answer(again().cell), told, timed=timed)
                if told.published:
                    from everyturn.plugin import publishing

                    self.told.append(publishing.of_result(self._item, asked, result))
                if result.verdict is Verdict.REFUTED:
                    found = failures.found(asked, way, result, shrink=told.shrink)
                    self._fail(failures.story(found), told, found)
            if result.verdict in _NOTHING or (result.verdict is Verdict.UNDETERMINED and not told.allow_undetermined):
                self._fail(failures.unanswered(asked, way, result), told)
            return result

    def _replay_instead(self, words: AskedWords, token: str, told: Settings) -> None:
        """What ``--everyturn-replay`` asks for: this run, in place of all others."""
        __tracebackhide__ = True
        mismatch = belongs(token, words)
        if mismatch is not None:
            self._answered = True
            pytest.skip(f"--everyturn-replay: {mismatch}")
        again = failures.made_again(words, token)
        self._note(words, "replay", str(again.verdict), again.counts)
        self._tell_run(words, again, told)
        if again.refuted:
            self._fail(failures.story_of_a_run(again), told, again)
        self._item.add_report_section("call", "everyturn", failures.held(again))
        raise RunMadeAgain

    def _tell_run(self, words: AskedWords, again: failures.RunAgain, told: Settings) -> None:
        if told.published:
            from everyturn.plugin import publishing

            self.told.append(publishing.of_run(self._item, words, again))

    def _words(self, way: HowAsked, call: Mapping[str, Any]) -> AskedWords:
        markers = list(self._item.iter_markers("everyturn"))
        for each in markers:
            if each.args:
                raise UsageError(f"expected words with names, as in revision='d4'; found {each.args[0]!r:.60}")
        return said([each.kwargs for each in markers], call, way)

    def _compare(
        self, first: GivenAnswer, again: Callable[[], GivenAnswer], told: Settings, *, timed: bool = False
    ) -> None:
        """Fail the test if a question has another answer when it is asked again, here or in another process. ``timed``:
        what it is depends on how fast the machine is, so nobody knows."""
        __tracebackhide__ = True
        if leave_answer(first) or not told.check_determinism:
            return
        known = "not known: there is a limit of time" if timed else "the same three times, once with other hashes"
        self._item.user_properties.append(("everyturn.determinism", known))
        if timed:
            return
        for where, ask in (
            ("asked again", again),
            ("asked in a process with other hashes", self._elsewhere.next_answer),
        ):
            different = differences(first, ask())
            if different:
                told_lines = "\n".join(different)
                self._fail(f"not deterministic: {where}, the same question has another answer:\n{told_lines}", told)

    def _note(self, words: AskedWords, way: HowAsked, verdict: str, counts: Mapping[str, Any]) -> None:
        """Keep what was found as properties of the test: JUnit files have them, and other processes hand them on."""
        self._answered = True
        properties = {"verdict": verdict, "asked": failures.asked(words, way), **counts}
        self._item.user_properties.extend((f"everyturn.{name}", str(value)) for name, value in properties.items())

    def _fail(self, text: str, told: Settings, found: failures.FoundRun | failures.RunAgain | None = None) -> None:
        """Fail the test, with the line that makes the run again, and the files that were asked for."""
        __tracebackhide__ = True
        lines = [text]
        if found is not None:
            self._item.user_properties.append(("everyturn.token", found.token))
            lines += ["", "The same run again, without a change of the test:", f"  {self._command(found.token)}"]
            if told.report_dir is not None:
                folder = failures.written_to(told.report_dir, self._item.nodeid, "\n".join(lines), found)
                lines += ["", f"Story, trace and page: {folder}"]
        pytest.fail("\n".join(lines), pytrace=False)

    def _command(self, token: str) -> str:
        return failures.command(self._item, token)

    def _place(self) -> str:
        path, line, _ = self._item.reportinfo()
        return f"{path}:{(line or 0) + 1}"

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """A mistake of the user's in the test fails it, with the test's file and line."""
        __tracebackhide__ = True
        try:
            yield
        except EveryturnError as error:
            self._answered = True
            whose = "" if isinstance(error, UsageError) else "internal, or code that is not deterministic: "
            text = f"{self._place()}: everyturn: {whose}{error}"
            raise pytest.fail.Exception(text, pytrace=False) from None


@contextmanager
def _interrupted(words: AskedWords, way: HowAsked) -> Iterator[None]:
    """Say what was under way when somebody pressed Ctrl-C."""
    try:
        yield
    except KeyboardInterrupt as error:
        seed = f"; seed {words.others.get('seed', 0)}" if way == "fuzz" else ""
        error.everyturn = f"everyturn: interrupted: {failures.asked(words, way)}{seed}"  # type: ignore[attr-defined]
        raise
