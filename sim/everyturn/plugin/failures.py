"""What is told of a refutation in a test: the run made smaller, why it happens, and how to make it again."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import everyturn
from everyturn.errors import UsageError
from everyturn.files.writing import written
from everyturn.plugin.words import AskedWords
from everyturn.verdicts.checker import CONFORMS
from everyturn.verdicts.selection import selection
from everyturn.verdicts.verdict import Verdict

_COUNTS: Final = ("states", "schedules", "seed", "strategy", "stopped")
_LONGEST: Final = 60
"""Characters of a value in a question that is told."""


class FoundRun(NamedTuple):
    """A run that refutes what a test asked, its token, and what to tell of it; ``others``: what else is refuted;
    ``page``: makes a page about it."""

    question: str
    summary: str
    token: str
    story: str
    others: Sequence[str]
    run: Any
    page: Callable[[], everyturn.Report]


class RunAgain(NamedTuple):
    """A run that was made again from its token; ``page``: makes a page about it, if it is refuted."""

    question: str
    result: Any
    refuted: Sequence[str]
    token: str
    story: str
    counts: Mapping[str, Any]
    page: Callable[[], everyturn.Report] | None = None

    @property
    def run(self) -> Any:
        """The run, to be written."""
        return self.result

    @property
    def verdict(self) -> Verdict:
        """What is said of the run."""
        return Verdict.REFUTED if self.refuted else Verdict.HOLDS


def asked(words: AskedWords, way: str) -> str:
    """A question as it could be asked of the front door."""
    question = getattr(words.front, way)
    taken = words.taken_by(question)
    return f"{question.__name__}({', '.join(f'{name}={_short(each)}' for name, each in taken.items())})"


def _short(value: object) -> str:
    text = getattr(value, "__qualname__", None) or repr(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def counts_of(result: Any) -> dict[str, Any]:
    """What was counted, and the seed of a sample."""
    found = {name: getattr(result.cell, name) for name in _COUNTS}
    return {name: value for name, value in found.items() if value is not None and (value or name == "seed")}


def found(words: AskedWords, way: str, result: Any, *, shrink: bool) -> FoundRun:
    """The first refutation of ``result``, its run made smaller."""
    name, *others = result.tokens
    verdicts = result.verdicts
    sentence = f"{name}: {verdicts[name].sentence}"
    if words.front.check is everyturn.check:
        token, told, run = _against_ports(words, result, name, shrink=shrink)
    else:
        token, run = result.tokens[name], None
        told = _explained_program(token, words, name) or str(result.replay(name))
    return FoundRun(
        question=f"{asked(words, way)}{_counted(result)}",
        summary=f"refuted: {sentence}",
        token=token,
        story=told,
        others=[f"{each}: {verdicts[each].sentence}\n    {result.tokens[each]}" for each in others],
        run=run,
        page=_page(words, token, name),
    )


def _page(words: AskedWords, token: str, name: str) -> Callable[[], everyturn.Report]:
    """Makes a page about the run of a token that violates an invariant, or shows a fault."""
    wanted = _wanted(words, name)
    subject = {words.front.subject: words.subject}
    return partial(everyturn.report, token, invariants=wanted, remedies=False, **subject)


def _wanted(words: AskedWords, name: str) -> list[Any]:
    """An invariant as the test names it: an object, if it is one of its own."""
    given = words.others.get("invariants", ())
    return [each for each in given if getattr(each, "name", None) == name] or [name]


def _against_ports(words: AskedWords, result: Any, name: str, *, shrink: bool) -> tuple[str, str, Any]:
    """The token, the story and the run that refutes an invariant."""
    run = result.shrink(name) if shrink else result.replay(name)
    return run.token, _explained(run.token, words, _wanted(words, name)), run


def _explained(token: str, words: AskedWords, invariants: Sequence[Any]) -> str:
    """Why a run violates something; without the command, since a class of a test can be named by nobody else."""
    lines = str(everyturn.explain(token, agent=words.subject, invariants=invariants)).splitlines()
    return "\n".join(line for line in lines if not line.startswith("Step by step:")).rstrip()


def _explained_program(token: str, words: AskedWords, kind: str) -> str | None:
    """Why a run of an asyncio program shows a fault; none for a run that goes on for ever."""
    if words.kind not in ("scenario", "session"):
        return None
    explain: Any = everyturn.explain
    with suppress(UsageError):
        return str(explain(token, invariants=[kind], **{words.kind: words.subject}))
    return None


def _counted(result: Any) -> str:
    return "".join(f"; {name} {value}" for name, value in counts_of(result).items())


def story(found: FoundRun) -> str:
    """What is told of a refutation."""
    others = ["", "Also refuted, each with its token:", *(f"  {each}" for each in found.others)] if found.others else []
    return "\n".join((found.summary, f"everyturn.{found.question}", "", found.story, *others))


def unanswered(words: AskedWords, way: str, result: Any) -> str:
    """What is told of a question to which there is no answer."""
    if result.verdict is Verdict.UNDETERMINED:
        why = result.cell.stopped or "some run may go on for ever"
        end = f"undetermined ({why}): nothing is refuted, not all is proved (--everyturn-allow-undetermined passes it)"
    else:
        end = f"{result.verdict.replace('-', ' ')}: expected something that could be judged; found nothing"
    reasons = {f"  {name}: {each.sentence}": None for name, each in result.verdicts.items() if each.sentence}
    return "\n".join((end, f"everyturn.{asked(words, way)}{_counted(result)}", *reasons))


def made_again(words: AskedWords, token: str) -> RunAgain:
    """The run of ``token`` again, judged for what the words ask. Raises :class:`UsageError` for what is no token."""
    replay = words.front.replay
    others = words.taken_by(replay)
    invariants, without = words.others.get("invariants", ()), words.others.get("without", ())
    if replay is everyturn.replay:
        chosen = selection(invariants, without)
        own = {each.name: each for each in invariants if not isinstance(each, str)}
        names = [*chosen.names, *((CONFORMS,) if chosen.conformance else ())]
        others["invariants"] = [own.get(name, name) for name in names]
        result = replay(token, **others)
        refuted = result.violated
        told = _explained(result.token, words, others["invariants"]) if refuted else ""
        page = _page(words, token, refuted[0]) if refuted else None
        return RunAgain(asked(words, "replay"), result, refuted, token, told, {"steps": len(result.run.steps)}, page)
    result = replay(token, **others)
    judged = result.cell.invariants | ({} if result.cell.conforms is None else {CONFORMS: result.cell.conforms})
    refuted = [name for name, each in judged.items() if each.verdict is Verdict.REFUTED and name not in without]
    explained = _explained_program(token, words, refuted[0]) if refuted else None
    why = explained or "\n".join((*(f"{name}: {judged[name].sentence}" for name in refuted), "", str(result)))
    page = _page(words, token, refuted[0]) if refuted else None
    return RunAgain(asked(words, "replay"), result, refuted, token, why, {}, page)


def story_of_a_run(again: RunAgain) -> str:
    """What is told of a run that was made again and violates something."""
    head = (f"refuted: {', '.join(again.refuted)}", f"everyturn.{again.question}")
    return "\n".join((*head, *_strayed(again), "", again.story))


def held(again: RunAgain) -> str:
    """What is told of a run that was made again and violates nothing."""
    return "\n".join(
        (f"everyturn.{again.question}", f"{again.token}: nothing is violated by this run", *_strayed(again))
    )


def _strayed(again: RunAgain) -> list[str]:
    return [] if again.result.strayed is None else [f"not the recorded run: {again.result.strayed}"]


def command(item: Any, token: str) -> str:
    """The line for a shell that makes the run again in the test."""
    _, _, rest = str(item.nodeid).partition("::")
    try:
        path = os.path.relpath(item.path, item.config.invocation_params.dir)
    except ValueError:  # another drive
        path = str(item.path)
    return shlex.join(["pytest", f"{Path(path).as_posix()}::{rest}", "--everyturn-replay", token])


def written_to(directory: str, nodeid: str, text: str, found: FoundRun | RunAgain) -> Path:
    """The folder of one test in ``directory``, with the story, a page to step through and, of an agent against ports,
    the run as a trace."""
    folder = Path(directory) / re.sub(r"[^\w.\[\]-]+", "_", str(nodeid)).strip("_")[:150]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"report-dir {directory}: expected a folder that can be written; found {error}") from error
    written(folder / "story.txt", [f"{text}\n".encode()])
    if hasattr(found.run, "write"):
        found.run.write(folder / "run.jsonl")
    if found.page is not None:
        with suppress(UsageError):  # of a run that goes on for ever, for example
            found.page().write(folder / "page.html")
    return folder
