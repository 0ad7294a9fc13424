"""`everyturn validate` on logs of other agents, as a user types it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner, Result
from tests.sim.test_log_monitors import lines_of

from everyturn.cli import main
from everyturn.cli.logs import _Silence
from everyturn.files.reading import LogFile, stop
from everyturn.files.writing import written
from everyturn.formats.everyturn_log import KINDS, LogHeader, Placed, encode
from everyturn.logs.validate import validate
from everyturn.logs.watch import Watch
from everyturn.reports.validation import table

ROOT: Final = Path(__file__).parents[2]
HANGS: Final = (
    '{"schema":"everyturn/log/1","agent":"mine"}',
    '{"kind":"submit","session":"s","prompt":"p1","run_id":"r1"}',
    '{"kind":"started","session":"s","prompt":"p1"}',
    '{"kind":"ended","session":"s","prompt":"p1","outcome":"finished"}',
)
REST: Final = '{"kind":"rest","session":"s"}'


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log in which a waiter hangs."""
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join((*HANGS, REST)) + "\n")
    return path


def test_a_violation_is_named_with_file_line_and_session(log: Path) -> None:
    """For people, and as one JSON document with the line; exit code 1."""
    result = run("validate", log)
    assert result.exit_code == 1
    said = f"{log}:5: session s: no-hang: nothing can move any more, and nobody has told the waiter of p1"
    assert result.stdout.splitlines()[0] == said
    result = run("validate", log, "--json")
    (cell,) = json.loads(result.stdout)["cells"]
    assert (cell["revision"], cell["events"], cell["lost"], cell["file"]) == ("mine", 4, 0, str(log))
    assert cell["invariants"]["no-hang"]["where"] == f"{log}:5"
    assert cell["invariants"]["no-hang"]["count"] == 1


def test_only_the_asked_invariants_are_judged(log: Path) -> None:
    """`--invariant`: another one's violation is neither said nor counted."""
    result = run("validate", log, "--invariant", "one-turn", "--json")
    (cell,) = json.loads(result.stdout)["cells"]
    assert (result.exit_code, list(cell["invariants"])) == (0, ["one-turn"])


def test_standard_input_is_judged() -> None:
    """`-`."""
    command, given = [sys.executable, "-m", "everyturn", "validate", "-"], "\n".join((*HANGS, REST)) + "\n"
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout.startswith("-:5: session s: no-hang: ")


def test_the_end_of_a_log_is_rest_if_the_user_says_so(tmp_path: Path) -> None:
    """`--at-rest`; otherwise what holds at rest is not judged."""
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(HANGS) + "\n")
    assert [run("validate", path).exit_code, run("validate", "--at-rest", path).exit_code] == [0, 1]


def test_a_growing_log_is_followed_until_it_is_silent(log: Path) -> None:
    """`--follow --until-idle`: violations as they are seen, then the verdicts; exit code 1."""
    result = run("validate", "--follow", "--until-idle", "0", log)
    assert result.exit_code == 1
    assert "no-hang: nothing can move any more" in result.stderr
    assert f"{log}: 4 events, 0 lines lost" in result.stdout


@pytest.mark.parametrize(("lines", "expected"), [((*HANGS, REST), 1), (HANGS, 0)])
def test_following_that_ctrl_c_ends_exits_with_the_verdict(
    lines: tuple[str, ...], expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not with 130, for that is how following ends; the help says so, and what was found is shown."""

    def interrupted(silence: _Silence) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(_Silence, "__call__", interrupted)
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(lines) + "\n")
    result = run("validate", "--follow", path)
    assert result.exit_code == expected
    assert f"{path}: {len(lines) - 1} events, 0 lines lost" in result.stdout
    assert "not 130" in " ".join(run("validate", "--help").stdout.split())


@pytest.mark.parametrize("ending", ["gz", "bz2", "xz", "zst"])
@pytest.mark.parametrize("mapping", [[], ["--mapping", "slog"]])
def test_a_compressed_log_is_not_followed(ending: str, mapping: list[str], tmp_path: Path) -> None:
    """It is refused before anything is judged, whatever the first line is to be; without `--follow` it is read."""
    path = tmp_path / f"a.jsonl.{ending}"
    written(path, [("\n".join((*HANGS, REST)) + "\n").encode()])
    result = run("validate", "--follow", "--until-idle", "0", *mapping, path)
    assert (result.exit_code, "refuted" in result.stdout) == (2, False)
    assert f"{path}: expected a plain log to follow (without --follow, any); found " in result.stderr
    assert run("validate", path).exit_code == 1


@pytest.mark.parametrize("line", ["garbage", '{"kind":"sneeze","session":"s","time":1,"sequence":4}'])
def test_following_a_log_with_an_unreadable_line_is_not_green(line: str, tmp_path: Path) -> None:
    """Exit code 2, as when the same log is judged as a whole; the verdicts on the rest are shown."""
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join((*HANGS, line)) + "\n")
    result = run("validate", "--follow", "--until-idle", "0", path)
    assert (result.exit_code, run("validate", path).exit_code) == (2, 2)
    assert f"{path}:{len(HANGS) + 1}: expected " in result.stderr
    assert f"{path}: {len(HANGS) - 1} events" in result.stdout


def test_following_a_log_in_which_nothing_is_told_is_not_green(tmp_path: Path) -> None:
    """A header alone: exit code 2, and no table of verdicts on nothing."""
    path = tmp_path / "a.jsonl"
    path.write_text(HANGS[0] + "\n")
    result = run("validate", "--follow", "--until-idle", "0", path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"everyturn: {path}: expected a log with an event in it; found none\n"


def test_following_says_what_is_wrong_with_the_log_itself(tmp_path: Path) -> None:
    """Lines twice, and a last one that is not whole: said, as nothing is left out in silence."""
    path = tmp_path / "a.jsonl"
    header, *lines = HANGS
    numbered = [f'{line[:-1]},"sequence":{number}}}' for number, line in enumerate(lines)]
    path.write_text("\n".join((f'{header[:-1]},"sequence":"log"}}', *numbered, numbered[0], REST[:9])))
    result = run("validate", "--follow", "--until-idle", "0", path)
    assert f"{path}:{len(HANGS) + 2}: the last line was not whole and is left out\n" in result.stderr
    assert f"{path}: 1 line left out: a number of the sequence that was there before, or too late\n" in result.stderr


def test_standard_input_is_followed_until_it_ends() -> None:
    """`… | everyturn validate --follow -` says a violation when its line has come, while the writer goes on."""
    command = [sys.executable, "-m", "everyturn", "validate", "--follow", "-"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as done:
        assert done.stdin
        assert done.stdout
        assert done.stderr
        done.stdin.write("\n".join((*HANGS, REST)) + "\n")
        done.stdin.flush()
        assert done.stderr.readline().startswith("-:5: session s: no-hang: ")
        done.stdin.close()
        assert done.stdout.read().startswith("-: 4 events, 0 lines lost\n")
    assert done.returncode == 1


def test_silence_ends_and_lets_waiting_lines_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a second nothing waits for lines that do not come; after the user's time, it is enough."""
    now = [0.0]
    monkeypatch.setattr("everyturn.cli.logs.time.monotonic", lambda: now[0])
    monkeypatch.setattr("everyturn.cli.logs.time.sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    flushed: list[float] = []
    silence = _Silence(2.0)
    silence.flush = lambda: flushed.append(now[0])
    while silence():
        pass
    assert now[0] == pytest.approx(2.0, abs=0.11)
    assert flushed[0] == pytest.approx(1.1, abs=0.11)


def test_a_log_in_which_nothing_is_told_is_not_green(tmp_path: Path) -> None:
    """A header alone, or a foreign log of which no line was mapped: exit code 2."""
    path = tmp_path / "a.jsonl"
    path.write_text(HANGS[0] + "\n")
    assert run("validate", path).exit_code == 2
    result = run("validate", "--mapping", "slog", ROOT / "tests" / "sim" / "logs" / "zap.jsonl")
    assert (result.exit_code, "expected a log with an event in it" in result.stderr) == (2, True)


def test_many_faults_are_counted_and_the_first_are_shown(tmp_path: Path) -> None:
    """A screen of them, and how many more."""
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join((HANGS[0], *["x"] * 250, REST)) + "\n")
    result = run("validate", path)
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 21
    assert "230 more places that could not be read" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--check-mapping", "x"], "--check-mapping: expected --mapping FILE too"),
        (["--from", "chrome", "x"], "--from chrome: expected a format that is read, one of log, trace"),
        (["--from", "log", "--mapping", "slog", "x"], "expected only one of them"),
        (["--follow", "x", "y"], "--follow: expected one log"),
        (["--follow", "--until-idle", "1", "-"], "--until-idle: expected a file"),
        (["--follow", "--until-idle", "0", "x"], "x: expected a file to follow; found none"),
        (["--until-idle", "1", "x"], "--until-idle: expected --follow too"),
        (["--revision", "d3", "x"], "--revision: expected --identify too"),
        (["--follow", "--report", "a.md", "x"], "--follow: expected no --report with it"),
        (["--identify", "--conformance", "x"], "--identify: expected no --conformance with it"),
        (["--explain", "0", "--invariant", "no-hang", "x"], "--explain: expected no --invariant with it"),
        (["x"], "x: expected a file that can be read; found No such file or directory"),
    ],
)
def test_wrong_use_is_one_clear_line(
    arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 2."""
    monkeypatch.chdir(tmp_path)
    result = run("validate", *arguments)
    assert (result.exit_code, said in result.stderr) == (2, True)


def test_a_broken_run_of_a_recording_is_left_out_and_the_rest_goes_on(tmp_path: Path) -> None:
    """One fault, four of five runs; with --strict it stops there."""
    lines = (ROOT / "recordings" / "d3-folded-run-id.jsonl").read_bytes().splitlines(keepends=True)
    path = tmp_path / "broken.jsonl"
    path.write_bytes(b"".join([*lines[:25], b"{}\n", *lines[26:]]))
    result = run("validate", path, "--json")
    assert [cell["run"] for cell in json.loads(result.stdout)["cells"]] == [0, 2, 3, 4]
    assert (result.exit_code, result.stderr.count(f"{path}:26: expected a field `ev`")) == (2, 1)
    result = run("validate", path, "--json", "--strict")
    assert [cell["run"] for cell in json.loads(result.stdout)["cells"]] == [0]


def test_ctrl_c_keeps_what_was_found_in_a_log_that_is_judged_as_a_whole(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 130, the violations so far, and the counts; what is open then is not held against the agent."""
    with log.open("a") as file:
        file.write("\n".join((*HANGS[1:], HANGS[1])) + "\n")
    see = Watch.see

    def interrupted(watch: Watch, placed: Placed) -> None:
        if placed.number == 8:
            raise KeyboardInterrupt
        see(watch, placed)

    monkeypatch.setattr(Watch, "see", interrupted)
    result = run("validate", "--at-rest", log, "--json")
    (cell,) = json.loads(result.stdout)["cells"]
    assert (result.exit_code, cell["events"], cell["invariants"]["no-hang"]["count"]) == (130, 6, 1)
    assert "interrupted: what was found so far\n" in result.stderr


def test_where_a_log_breaks_off_is_not_rest(log: Path) -> None:
    """`--at-rest` is said of the end of a log, and a compressed file that is cut has none."""
    path = log.with_suffix(".gz")
    lines = [f"{line}\n".encode() for line in (*HANGS, *(f'{{"kind":"note","session":"{n}"}}' for n in range(2000)))]
    written(path, lines)
    path.write_bytes(path.read_bytes()[:-9])
    result = run("validate", "--at-rest", path, "--json")
    (cell,) = json.loads(result.stdout)["cells"]
    assert (result.exit_code, cell["invariants"]["no-hang"]["verdict"]) == (2, "not-judged")
    assert "expected a whole gzip file" in result.stderr


@pytest.mark.parametrize("ending", ["jsonl", "jsonl.gz"])
def test_long_logs_have_progress(ending: str, tmp_path: Path) -> None:
    """Every 512 lines, with how much of the file, as it lies there, was read."""
    path = tmp_path / f"a.{ending}"
    written(path, [f'{{"kind":"note","session":"{hash(number)}"}}\n'.encode() for number in range(20_000)])
    told: list[tuple[int, float | None]] = []
    with LogFile(path, lambda file: told.append((file.number, file.share))) as file:
        assert len(list(file.lines(stop))) == 20_000
    assert [number for number, _ in told] == list(range(512, 20_001, 512))
    shares = [share or 0.0 for _, share in told]
    assert shares == sorted(shares)
    assert 0 < shares[0] < 0.5 < shares[-1] <= 1


@pytest.mark.parametrize("ending", ["gz", "bz2", "xz"])
def test_a_compressed_log_that_is_cut_is_read_as_far_as_it_goes(ending: str, tmp_path: Path) -> None:
    """What is there is judged, however short it is; that the rest is missing is said, and the exit code is 2."""
    path = tmp_path / f"a.jsonl.{ending}"
    written(path, ["\n".join((*HANGS, REST, "")).encode()])
    path.write_bytes(path.read_bytes()[:-4])
    result = run("validate", path)
    assert (result.exit_code, f"{path}:5: session s: no-hang: " in result.stdout) == (2, True)
    assert f"{path}:6: expected a whole " in result.stderr


def test_what_is_not_shown_of_many_violations_is_counted(tmp_path: Path) -> None:
    """Of each invariant the first twenty are shown, then how many more there are, in how many sessions, up to which
    line."""
    path = tmp_path / "log"
    lines = ['{"schema":"everyturn/log/1"}']
    for number in range(150):
        session = f'"session":"s{number % 50}"'
        lines += [f'{{"kind":"submit",{session},"prompt":"p{number}","run_id":"r"}}', f'{{"kind":"rest",{session}}}']
    path.write_text("\n".join(lines) + "\n")
    output = run("validate", path).output
    assert output.count(": no-hang: nothing can move any more") == 20
    assert f"{path}: no-hang: and 130 more, 150 in all in 50 sessions; the last at line 301" in output
    assert f"{path}: 50 sessions, 150 prompts; an invariant is broken in 50 sessions" in output


def test_the_table_counts_sessions_and_prompts(tmp_path: Path) -> None:
    """Of two logs of one agent: the worst verdict, in how many sessions each invariant is broken, and for how many
    prompts."""
    done = "submit p1; started p1 @a; message p1 by=turn; ended p1 outcome=finished @a; told p1 outcome=finished; rest"
    hang = "submit p1; submit p2; rest"
    twice = f"{done[:-6]}; told p1 outcome=finished; told p1 outcome=finished; rest busy=yes"
    header = LogHeader(agent="kitchen", kinds=frozenset(KINDS))  # type: ignore[arg-type]
    for name, stories in (("a", [hang, hang, done]), ("b", [done, hang, twice])):
        lines = [line for number, text in enumerate(stories) for line in lines_of(text, f"{name}{number}")]
        (tmp_path / f"{name}.jsonl").write_bytes(encode(header) + b"".join(map(encode, lines)))
    logs = [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    said = [line.split() for line in table(validate(logs))]
    rows = {line[0]: line[1:] for line in said}
    assert rows["kitchen:"] == ["2", "logs", "with", "6", "sessions", "and", "9", "prompts"]
    assert rows["verdict"] == ["sessions", "prompts"]
    assert rows["no-hang"] == ["refuted", "3", "6"]
    assert rows["no-double-emit"] == ["refuted", "1", "1"]
    assert rows["clean-rest"] == ["refuted", "1"]
    assert rows["no-fold-of-run-id"] == ["holds"]
    assert rows[f"{logs[0]}:"] == [
        "3",
        "sessions,",
        "5",
        "prompts;",
        "an",
        "invariant",
        "is",
        "broken",
        "in",
        "2",
        "sessions",
    ]


def test_runs_and_logs_of_one_agent_have_a_table_each(tmp_path: Path) -> None:
    """A recording has runs; a log of the same agent has sessions."""
    log = tmp_path / "a.jsonl"
    header = LogHeader(agent="d3-locked-drain", kinds=frozenset(KINDS))  # type: ignore[arg-type]
    log.write_bytes(encode(header) + b"".join(map(encode, lines_of("submit p1; rest"))))
    said = list(table(validate([ROOT / "recordings" / "d3-silent-hand-off.jsonl", log])))
    assert said[0] == "d3-locked-drain: 5 runs"
    assert "d3-locked-drain: 1 log with 1 session and 1 prompt" in said
