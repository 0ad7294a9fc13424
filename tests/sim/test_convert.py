"""`everyturn convert`: what is written is what the other tool reads, and comes back where there is a way back."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner, Result

from everyturn.cli import main
from everyturn.formats import itf, jepsen
from everyturn.formats.catalogue import FORMATS, by_suffix
from everyturn.formats.everyturn_log import LogHeader, LogLine, Placed

RECORDING: Final = Path(__file__).parents[2] / "recordings" / "d3-silent-hand-off.jsonl"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


def convert(*arguments: object) -> None:
    result = run("convert", *arguments)
    assert result.exit_code == 0, result.output


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording as a log."""
    path = tmp_path_factory.mktemp("log") / "a.jsonl"
    convert(RECORDING, path)
    return path


@pytest.mark.parametrize("suffix", ["itf.json", "jepsen", "edn", "edn.gz", "jsonl.zst", "itf.xz", "jepsen.bz2"])
def test_there_and_back_is_the_same(suffix: str, log: Path, tmp_path: Path) -> None:
    """Byte by byte, header included, through every format that is read and written, compressed or not."""
    convert(log, tmp_path / f"b.{suffix}")
    convert(tmp_path / f"b.{suffix}", tmp_path / "c.jsonl")
    assert (tmp_path / "c.jsonl").read_bytes() == log.read_bytes()


def test_a_converted_recording_is_judged_alike(log: Path, tmp_path: Path) -> None:
    """A waiter hangs in each of the five runs."""
    convert(log, tmp_path / "b.itf.json")
    for path in (log, tmp_path / "b.itf.json"):
        result = run("validate", path, "--json")
        (cell,) = json.loads(result.stdout)["cells"]
        assert (result.exit_code, cell["invariants"]["no-hang"]["count"]) == (1, 5)


def test_our_own_trace_is_converted(tmp_path: Path) -> None:
    """From a token to a sequence diagram."""
    token = json.loads(run("check", "--revision", "d3", "--scope", "AA", "--json").stdout)["cells"][0]["invariants"]
    run("replay", token["no-hang"]["token"], "-o", tmp_path / "t.jsonl")
    convert(tmp_path / "t.jsonl", tmp_path / "t.mmd")
    text = (tmp_path / "t.mmd").read_text()
    assert text.startswith("sequenceDiagram\n")
    assert "is folded into the turn of" in text


def test_itf_has_a_state_more_than_lines(log: Path, tmp_path: Path) -> None:
    """Its variables are in every state, integers are big integers, and a state has the phase of the prompt that
    moved."""
    convert(log, tmp_path / "b.itf.json")
    trace = json.loads((tmp_path / "b.itf.json").read_text())
    assert trace["vars"] == ["line", "phase"]
    assert len(trace["states"]) == len(log.read_text().splitlines())
    assert all({"#meta", "line", "phase"} == set(state) for state in trace["states"])
    assert trace["states"][1]["line"]["sequence"] == {"#bigint": "0"}
    moved = [dict(state["phase"]["#map"]) for state in trace["states"]]
    assert [each["run 0/p2"] for each in moved if "run 0/p2" in each][-1] == "told"
    assert max(map(len, moved)) == 1


def test_a_trace_of_quint_is_read(tmp_path: Path) -> None:
    """With the action that was taken and what was picked, as `quint run --mbt` writes them; Some and None are
    unpacked."""
    some = {"prompt": {"tag": "Some", "value": "p1"}, "run_id": {"tag": "None", "value": {"#tup": []}}}
    states = [
        {"#meta": {"index": 0}, "mbt::actionTaken": "init", "mbt::nondetPicks": {}},
        {"#meta": {"index": 1}, "mbt::actionTaken": "submit", "mbt::nondetPicks": some},
        {"#meta": {"index": 2}, "spec::line": {"kind": "rest", "session": "trace", "time": {"#bigint": "2000000000"}}},
        {"#meta": {"index": 3}, "x": 1},
    ]
    path = tmp_path / "q.itf.json"
    path.write_text(json.dumps({"#meta": {}, "vars": [], "states": states}))
    result = run("convert", path, "-", "--to", "log")
    assert result.exit_code == 2
    assert "q.itf.json:3: expected a state with `line` or `mbt::actionTaken`" in result.stderr
    assert [json.loads(each) for each in result.stdout.splitlines()[1:]] == [
        {"kind": "submit", "session": "trace", "prompt": "p1"},
        {"kind": "rest", "session": "trace", "time": 2.0},
    ]


LINES: Final = [
    LogLine(kind="submit", session="s", prompt="p1", run_id="r1", time=0.0),
    LogLine(kind="started", session="s", prompt="p1", thread="t", time=1.0),
    LogLine(kind="told", session="s", prompt="p1", outcome="failed", time=2.0),
    LogLine(kind="cancel_call", session="s", operation="c"),
    LogLine(kind="cancel_return", session="s", operation="c"),
]
PLACED: Final = [Placed(number, line) for number, line in enumerate(LINES)]


def test_a_history_has_clients_that_invoke_and_return() -> None:
    """Each process has one operation at a time; a failed turn is `info`, since it may have had effects."""
    operations = [json.loads(each) for each in jepsen.write_json(PLACED, LogHeader())][1:]
    told = [(each["process"], each["type"], each["f"]) for each in operations]
    assert told == [
        (0, "invoke", "submit"),
        ("agent", "info", "started"),
        (0, "info", "submit"),
        (1, "invoke", "cancel"),
        (1, "ok", "cancel"),
    ]
    assert [each.get("time") for each in operations] == [0, 10**9, 2 * 10**9, None, None]


def test_shiviz_events_match_its_expression_and_clocks_grow(log: Path, tmp_path: Path) -> None:
    """The two first lines are the expressions; each host counts its own events from 1 without a gap."""
    convert(log, tmp_path / "b.shiviz")
    event, border, rest = (tmp_path / "b.shiviz").read_text().split("\n", 2)
    python = re.compile(event.replace("(?<", "(?P<"))
    executions = re.split(border.replace("(?<", "(?P<"), rest, flags=re.MULTILINE)
    texts = executions[2::2]
    assert len(texts) == 5
    for text in texts:
        counts: dict[str, int] = {}
        matches = list(python.finditer(text))
        assert len(matches) * 2 == len(text.strip().splitlines())
        for match in matches:
            clock = json.loads(match["clock"])
            counts[match["host"]] = counts.get(match["host"], 0) + 1
            assert clock[match["host"]] == counts[match["host"]]
            assert all(count <= counts.get(host, 0) for host, count in clock.items())


def test_chrome_spans_are_closed(log: Path, tmp_path: Path) -> None:
    """Every asynchronous begin has its end, later, with the same category, name and id; times are microseconds."""
    convert(log, tmp_path / "b.trace.json")
    events = json.loads((tmp_path / "b.trace.json").read_text())["traceEvents"]
    begun = {}
    for each in events:
        key = each.get("cat"), each.get("id"), each["name"]
        if each["ph"] == "b":
            begun[key] = each["ts"]
        elif each["ph"] == "e":
            assert each["ts"] >= begun.pop(key)
    assert begun == {}
    assert {each["ph"] for each in events} == {"M", "b", "e", "i"}


def test_mermaid_text_has_no_syntax_in_it(tmp_path: Path) -> None:
    """Names of prompts with semicolons, line breaks or percent signs cannot break the diagram."""
    path = tmp_path / "a.jsonl"
    line = {"kind": "submit", "session": "s\n%%", "prompt": "a;b\nend #x"}
    path.write_text('{"schema":"everyturn/log/1"}\n' + json.dumps(line) + "\n")
    convert(path, tmp_path / "a.mmd")
    body = (tmp_path / "a.mmd").read_text().splitlines()
    assert len(body) == 5
    assert all(";" not in each and "#" not in each for each in body)


def test_several_sessions_are_one_mermaid_diagram_or_a_markdown_page(tmp_path: Path) -> None:
    """A `.mmd` file is Mermaid and nothing else: each session is a box of participants; in `.md`, each has its
    diagram."""
    path = tmp_path / "a.jsonl"
    lines = [{"kind": kind, "session": s, "prompt": "p"} for kind in ("submit", "started") for s in ("s", "t")]
    path.write_text("\n".join(map(json.dumps, ({"schema": "everyturn/log/1"}, *lines))) + "\n")
    convert(path, tmp_path / "a.mmd")
    assert (tmp_path / "a.mmd").read_text().splitlines() == [
        "sequenceDiagram",
        "    box transparent session s",
        "    participant L0 as client-of-p",
        "    participant L1 as agent",
        "    end",
        "    box transparent session t",
        "    participant L2 as client-of-p",
        "    participant L3 as agent",
        "    end",
        "    L0->>L1: submits p",
        "    L2->>L3: submits p",
        "    Note over L1: p's turn begins",
        "    Note over L3: p's turn begins",
    ]
    convert(path, tmp_path / "a.md")
    diagrams = re.findall(
        r"^```mermaid\nsequenceDiagram\n    %% session (\w)\n[^`]*```$", (tmp_path / "a.md").read_text(), re.MULTILINE
    )
    assert diagrams == ["s", "t"]


@pytest.mark.parametrize("ending", ["edn", "jepsen", "itf"])
def test_times_since_the_epoch_come_back(ending: str, tmp_path: Path) -> None:
    """In nanoseconds, they have nineteen digits."""
    path = tmp_path / "a.jsonl"
    line = {"kind": "submit", "session": "s", "time": 1795424483.3601418, "prompt": "p"}
    path.write_text("\n".join(map(json.dumps, ({"schema": "everyturn/log/1"}, line))) + "\n")
    convert(path, tmp_path / f"a.{ending}")
    convert(tmp_path / f"a.{ending}", tmp_path / "b.jsonl")
    assert json.loads((tmp_path / "b.jsonl").read_text().splitlines()[1])["time"] == pytest.approx(
        line["time"], abs=1e-6
    )


def test_a_header_says_more_than_a_name(tmp_path: Path) -> None:
    """Our own trace in a file that is called as Chrome's are is read as what it is."""
    token = json.loads(run("check", "--revision", "d3", "--scope", "AA", "--json").stdout)["cells"][0]["invariants"]
    path = tmp_path / "run.trace.json"
    run("replay", token["no-hang"]["token"], "-o", path)
    assert run("validate", path).exit_code == 1


def test_pipes_and_links_stay_what_they_are(log: Path, tmp_path: Path) -> None:
    """What is written into is not replaced: a pipe such as /dev/stdout, a device, the file behind a link."""
    pipe, there, link = tmp_path / "pipe", tmp_path / "there.edn", tmp_path / "link.edn"
    os.mkfifo(pipe)
    there.touch()
    link.symlink_to(there)
    with os.fdopen(os.open(pipe, os.O_RDWR), "rb", buffering=0) as reader:
        convert(log, pipe, "--to", "edn")
        convert(log, link)
        assert reader.read(1 << 16) == there.read_bytes() != b""
    assert (pipe.is_fifo(), link.is_symlink()) == (True, True)


def test_formats_are_told_by_their_names() -> None:
    """The longest suffix counts, and compression does not."""
    names = {
        "a.jsonl": "log",
        "a.itf.json": "itf",
        "a.trace.json": "chrome",
        "a.EDN.gz": "edn",
        "a.mmd": "mermaid",
        "a.perfetto.json": "chrome",
        "a": None,
    }
    assert {name: by_suffix(Path(name)) for name in names} == names


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((RECORDING, "x.unknown"), "x.unknown: expected a name that ends in one of .jsonl, "),
        ((RECORDING, "x.mmd", "--to", "trace"), "x.mmd: 'trace': expected a format that is written, one of log, itf"),
        ((RECORDING, "x.mmd", "--from", "chrome"), "'chrome': expected a format that is read, one of log, trace"),
        (("none.jsonl", "x.mmd"), "none.jsonl: expected a file that can be read"),
        ((RECORDING, "none/x.mmd"), "expected a file that can be written"),
    ],
)
def test_what_cannot_be_converted_is_one_clear_line(
    arguments: tuple[object, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 2, and no half a file is left."""
    monkeypatch.chdir(tmp_path)
    result = run("convert", *arguments)
    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)
    assert said in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_every_format_is_there() -> None:
    """Each reader and writer that the table names can be imported."""
    from everyturn.formats.catalogue import part

    for name, format_ in FORMATS.items():
        for which in ("reader", "writer"):
            if getattr(format_, which):
                assert callable(part(name, which, "x"))


def test_numbers_of_itf_come_back() -> None:
    """Through its big integers, sets, tuples and maps."""
    value = {"#map": [["k", {"#bigint": "-3"}], ["s", {"#set": [{"#tup": [True]}]}]]}
    assert itf._decoded(value) == {"k": -3, "s": [[True]]}
