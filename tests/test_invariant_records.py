"""All that is known of an invariant stands in its record: one file, and one entry in the list."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from everyturn.checking.mutants import MUTANTS, Mutant
from everyturn.formats.everyturn_log import KINDS, LogLine, LogSnapshot
from everyturn_model.invariants import BY_NAME, INVARIANTS
from everyturn_model.logs import line as seen
from everyturn_model.logs.lines import OF_PROMPTS, OF_SESSIONS
from everyturn_model.logs.monitor import LogMonitor, NotShown
from everyturn_model.monitor import NO_LOG_MONITOR, Invariant
from everyturn_model.promises import Promises
from everyturn_model.spec import ACTIONS

ROOT: Final = Path(__file__).resolve().parents[1]
RECORDS: Final = ROOT / "model" / "everyturn_model" / "invariants"
SOURCES: Final = ("model", "impl", "sim")

NAME: Final = re.compile(rf"(?<![\w-])(?:{'|'.join(sorted(BY_NAME))})(?![\w-])")

GUARD_TOO: Final = {
    ("true-outcome", "model/everyturn_model/spec/notices.py"),
    ("true-outcome", "model/everyturn_model/cures.py"),
    ("true-outcome", "sim/everyturn/logs/faults.py"),
    ("true-outcome", "sim/everyturn/logs/causes.py"),
}
"""Where a name is meant as that of a guard of the specification, which is called the same."""


def literals(source: str) -> Iterator[tuple[int, str]]:
    """Line and name of each invariant that a string literal names, parts of f-strings included; docstrings are none."""
    if not NAME.search(source):
        return
    tree = ast.parse(source)
    said = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said:
            yield from ((node.lineno, found[0]) for found in NAME.finditer(node.value))


def test_a_literal_is_found_wherever_it_stands() -> None:
    """Alone, in a sentence, in an f-string; not in docstrings, and not as a part of another word."""
    source = '"""no-hang"""\nx = {"no-hang": 1}\ny = f"{x}: one-turn"\nz = "see in-order, too"\nw = "no-hangover"\n'
    assert sorted(literals(source)) == [(2, "no-hang"), (3, "one-turn"), (4, "in-order")]


def test_no_invariant_is_named_outside_of_its_record() -> None:
    """A name that is written twice is one that somebody forgets when an invariant is added or renamed."""
    files = [path for top in SOURCES for path in sorted((ROOT / top).rglob("*.py"))]
    assert len(files) > 300
    found = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in files
        for line, name in literals(path.read_text(encoding="utf-8"))
        if (name, str(path.relative_to(ROOT))) not in GUARD_TOO and path != RECORDS / f"{name.replace('-', '_')}.py"
    ]
    assert found == []


def test_only_guards_may_be_called_like_an_invariant() -> None:
    """The exceptions are guards that there are, and stand where they are said to stand."""
    assert {name for name, _ in GUARD_TOO} <= {guard.name for action in ACTIONS for guard in action.guards}
    for name, path in GUARD_TOO:
        assert name in {found for _, found in literals((ROOT / path).read_text(encoding="utf-8"))}, path


def test_every_record_has_a_file_of_its_own() -> None:
    """Named like the invariant; no file without an invariant."""
    files = {path.stem for path in RECORDS.glob("*.py")} - {"__init__"}
    assert files == {name.replace("-", "_") for name in BY_NAME}
    assert len(BY_NAME) == len(INVARIANTS)


@pytest.mark.parametrize("invariant", INVARIANTS, ids=lambda each: each.name)
def test_every_record_is_complete(invariant: Invariant) -> None:
    """It says how logs show it or, in words of its own, why none does; which guards say the same; which mutant breaks
    it."""
    assert invariant.log is not NO_LOG_MONITOR
    assert invariant.guards
    assert issubclass(MUTANTS[invariant.name], Mutant)
    assert MUTANTS[invariant.name].__name__ == invariant.mutant


def test_a_guard_says_the_same_as_one_invariant_at_most() -> None:
    """Else a report could not say which is broken."""
    guards = [guard for each in INVARIANTS for guard in each.guards]
    assert len(guards) == len(set(guards))


@pytest.mark.parametrize("invariant", INVARIANTS, ids=lambda each: each.name)
def test_log_monitors_look_at_lines_that_there_are(invariant: Invariant) -> None:
    """A judge of a kind of line that nobody writes, or that is of the other sort, would never be asked, and all would
    hold."""
    if isinstance(invariant.log, NotShown):
        return
    monitor: LogMonitor = invariant.log
    assert monitor.needs <= set(KINDS)
    assert set(monitor.of_prompts) <= {*OF_PROMPTS, "submit"}
    assert set(monitor.of_sessions) <= {*OF_SESSIONS, "summary_start"}
    assert ("rest" in monitor.needs) == (monitor.at_rest is not None)
    assert monitor.of_prompts or monitor.of_sessions or monitor.at_rest


def test_every_kind_of_line_can_be_judged() -> None:
    """Each is about a prompt, about a session, or says that a session is at rest; a note says nothing."""
    assert {*OF_PROMPTS, "submit", *OF_SESSIONS, "summary_start", "rest", "note"} == set(KINDS)


def test_monitors_see_a_line_as_it_is_read() -> None:
    """What the model takes for a line of a log is what the format reads, with the same words."""

    def as_seen(line: LogLine, snapshot: LogSnapshot) -> tuple[seen.Line, seen.Snapshot]:
        return line, snapshot

    line, snapshot = as_seen(LogLine(kind="told", session="s"), LogSnapshot())
    assert words(seen.Line) <= set(LogLine.__struct_fields__)
    assert words(seen.Snapshot) == set(LogSnapshot.__struct_fields__)
    assert (line.kind, line.session, line.owner, snapshot.queue) == ("told", "s", None, ())


def words(protocol: Any) -> set[str]:
    """What a protocol asks for."""
    return {name for name, value in vars(protocol).items() if isinstance(value, property)}


@pytest.mark.parametrize(
    ("promises", "missing"),
    [
        (Promises(), {}),
        (
            Promises(cancel="nothing"),
            {"no-lost-cancel": "the session does not promise that a Cancel ends anything"},
        ),
        (Promises(cancel="turn"), {}),
        (Promises(busy="refuse"), {"in-order": "the session does not promise that prompts wait in a queue"}),
        (Promises(folds=False), {}),
    ],
)
def test_what_rests_on_a_promise_says_so(promises: Promises, missing: dict[str, str]) -> None:
    """Of a session that promises less, what is not judged, and why."""
    reasons = {each.name: each.unpromised(promises) for each in INVARIANTS}
    assert {name: reason for name, reason in reasons.items() if reason is not None} == missing


# one more ----------------------------------------------------------------------------------------------------------

ADDED: Final = '''"""Nobody waits in line."""

from everyturn_model.events import Queued
from everyturn_model.logs.monitor import LogMonitor
from everyturn_model.monitor import Invariant, Kind, Needs, Violated


def no_queue(state, event, ledger):
    return Violated(f"{event.prompt} is in the queue") if isinstance(event, Queued) else state


def queued(session, prompt, line):
    return f"{prompt.name} was put into the queue"


NO_QUEUE = Invariant(
    "no-queue",
    "No prompt is ever queued.",
    Kind.ALWAYS,
    no_queue,
    needs=Needs(prompts=2),
    sees=(Queued,),
    log=LogMonitor(frozenset({"submit", "queued"}), {"queued": queued}),
)
'''

LOG: Final = (
    {"schema": "everyturn/log/1", "agent": "by hand"},
    {"kind": "submit", "session": "s", "prompt": "p1"},
    {"kind": "submit", "session": "s", "prompt": "p2"},
    {"kind": "started", "session": "s", "prompt": "p1"},
    {"kind": "queued", "session": "s", "prompt": "p2"},
)


@pytest.fixture(scope="module")
def enlarged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the model with one more file, and one more entry in the list."""
    folder = tmp_path_factory.mktemp("enlarged")
    shutil.copytree(ROOT / "model" / "everyturn_model", folder / "everyturn_model")
    records = folder / "everyturn_model" / "invariants"
    (records / "no_queue.py").write_text(ADDED, encoding="utf-8")
    text = (records / "__init__.py").read_text(encoding="utf-8")
    text = text.replace("import NO_LOST_CANCEL\n", "import NO_LOST_CANCEL\nfrom .no_queue import NO_QUEUE\n")
    listed = text.replace("    STATE_BEFORE_NOTICE,\n)", "    STATE_BEFORE_NOTICE,\n    NO_QUEUE,\n)")
    assert len(listed.splitlines()) == len((RECORDS / "__init__.py").read_text(encoding="utf-8").splitlines()) + 2
    (records / "__init__.py").write_text(listed, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("command", "verdict", "sentence"),
    [
        ("check --revision d4 --scope AA", "refuted", "p[12] is in the queue"),
        ("check --revision d4 --scope Aa+1q", "refuted", "p[12] is in the queue"),
        ("check --revision d4 --scope A", "vacuous", None),
        ("fuzz --revision d4 --scope AA --runs 10 --seed 1", "refuted", "p[12] is in the queue"),
        ("validate queued.jsonl", "refuted", "p2 was put into the queue"),
        ("validate not-queued.jsonl", "holds", None),
        ("validate d3-folded-run-id.jsonl", "refuted", "p[12] was put into the queue"),
    ],
)
def test_an_added_invariant_is_judged_everywhere(
    command: str, verdict: str, sentence: str | None, enlarged: Path, tmp_path: Path
) -> None:
    """In explorer, samples, logs and recordings, beside all others, by a file and an entry in the list."""
    lines = [json.dumps(line) + "\n" for line in LOG]
    (tmp_path / "queued.jsonl").write_text("".join(lines))
    (tmp_path / "not-queued.jsonl").write_text("".join(lines[:-1]))
    shutil.copy(ROOT / "recordings" / "d3-folded-run-id.jsonl", tmp_path)
    path = os.pathsep.join(filter(None, [str(enlarged), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, "-m", "everyturn", *command.split(), "--json", "--exit-zero"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    cells = json.loads(done.stdout)["cells"]
    assert {tuple(cell["invariants"]) for cell in cells} == {(*BY_NAME, "no-queue")}
    said = [cell["invariants"]["no-queue"] for cell in cells]
    assert {each["verdict"] for each in said} == {verdict}
    assert all(re.fullmatch(sentence or "", each.get("sentence") or "") for each in said)
