"""Campaigns' files, options and outputs that are wrong: exit code 2, one line, and what was there is there."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner

from everyturn.cli import main

TEXT: Final = 'title="t"\n[[cells]]\nrevision="d4"\nscope="A"\nstrategy="random-walk"\nruns=2\n'

FILES: Final[dict[str, str | bytes]] = {
    "utf-16": TEXT.encode("utf-16"),
    "a zero byte": TEXT + "\0",
    "deep": f"a={'[' * 5000}{']' * 5000}",
    "cells twice": TEXT + TEXT[10:].replace("[[cells]]", "[cells]"),
    "no number": f"seconds=nan\n{TEXT}",
    "without end": f"seconds=inf\n{TEXT}",
    "less than no time": f"seconds=-1\n{TEXT}",
    "runs without end": TEXT.replace("runs=2", "runs=99999999999999999999"),
    "half a run": TEXT.replace("runs=2", "runs=2.5"),
    "runs that are true": TEXT.replace("runs=2", "runs=true"),
    "empty units": f"unit=0\n{TEXT}",
    "a huge unit": f"unit=1000000000000000000000\n{TEXT}",
    "a date for a title": TEXT.replace('"t"', "2020-01-01"),
    "no scope": TEXT.replace('"A"', '""'),
    "lists in lists": TEXT.replace('"A"', '[["A"]]'),
    "a huge seed": f"seed=1{'0' * 400}\n{TEXT}",
    "a profile's word": f"{TEXT}[profiles.a]\nsecond=1\n",
    "signs that move the cursor": TEXT.replace('"d4"', '"\\u001b[31m"'),
    "a call for an agent": TEXT.replace('revision="d4"', 'agent="os:system(1)"'),
    "two calls for a scenario": 'title="t"\n[[cells]]\nscenario="os:f(1)(2)"\n',
    "no risk": TEXT.replace("runs=2", "risk=0"),
    "more risk than there is": TEXT.replace("runs=2", "risk=2.0"),
    "a deep strategy": TEXT.replace("random-walk", "pct:999999999999999999999"),
    "a file for the corpus": f"corpus='good.json'\n{TEXT}",
    "links that lead round": f"corpus='round'\n{TEXT}",
    "a name that is none": f'corpus="a\\u0000b"\n{TEXT}',
    "a file for the failures": f"failures='good.json'\n{TEXT}",
}

ON_INDEX: Final = ("campaign", "good.toml", "--jobs", "1", "--index", "good.campaign")
COMMANDS: Final = (
    ("campaign", "good.toml", "--profile", "none"),
    ("campaign", "good.toml", "--budget", "nan"),
    ("campaign", "good.toml", "--budget", "inf"),
    ("campaign", "good.toml", "--budget=-3s"),
    ("campaign", "good.toml", "--budget", "5parsecs"),
    ("campaign", "good.toml", "--budget", "1e999"),
    ("campaign", "good.toml", "--budget", ""),
    ("campaign", "good.toml", "--budget", "\u0663s"),
    ("campaign", "good.toml", "--shard", "3/2"),
    ("campaign", "good.toml", "--shard", "0/2"),
    ("campaign", "good.toml", "--shard", "1/2/3"),
    ("campaign", "good.toml", "--jobs", "99999999999999999999"),
    ("campaign", "good.toml", "--index", "good.toml"),
    ("campaign", "good.toml", "--failures", "good.json"),
    (*ON_INDEX, "--sarif", "good.campaign"),
    (*ON_INDEX, "--sarif", "good.toml"),
    (*ON_INDEX, "--sarif", "one", "--result", "./one"),
    (*ON_INDEX, "--result", "good.campaign"),
    (*ON_INDEX, "--result", "good.toml"),
    (*ON_INDEX, "--result", "linked"),
    ("merge", "good.campaign", "-o", "out", "--result", "good.campaign"),
    ("merge", "good.campaign", "-o", "out", "--result", "out"),
    ("merge", "good.json", "-o", "out"),
    ("merge", ".", "-o", "out"),
    ("diff", "good.json", "/dev/null"),
    ("diff", ".", "good.json"),
    *(
        ("check", "--revision", "d4", "--scope", "A", "--sarif", path)
        for path in (".", "none/found", "/dev/null/found", "x" * 300, "round")
    ),
)

RESULTS: Final[dict[str, bytes]] = {
    "nothing": b"",
    "null": b"null",
    "a list": b"[]",
    "no number": b'{"cells": NaN}',
    "deep": b"[" * 100_000,
    "half a sign": b'{"title":"\\ud800"}',
    "a long number": b"1" * 10_000,
    "a long text": b'"' + b"x" * 1_000_000 + b'"',
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A campaign, its index and its result, which are good."""
    monkeypatch.chdir(tmp_path)
    Path("good.toml").write_text(TEXT)
    made = CliRunner().invoke(main, [*ON_INDEX, "--result", "good.json"])
    assert made.exit_code == 0, made.output
    Path("round").symlink_to("round")
    Path("linked").symlink_to("good.campaign")
    return tmp_path


def refused(*command: str) -> str:
    """The line that a command says; what was good is as it was."""
    before = {each.name: each.read_bytes() for each in Path().glob("good.*")}
    done = CliRunner().invoke(main, list(command))
    assert done.exit_code == 2, done.output
    (line,) = done.stderr.splitlines()
    assert line.startswith("everyturn: ")
    assert len(line) < 700
    assert line.isprintable()
    assert {each.name: each.read_bytes() for each in Path().glob("good.*")} == before
    return line


def test_a_wrong_campaign_is_refused(folder: Path) -> None:
    """Whatever is wrong with its file; the line names it, or what it names."""
    for name, text in FILES.items():
        Path("wrong.toml").write_bytes(text if isinstance(text, bytes) else text.encode())
        line = refused("campaign", "wrong.toml", "--jobs", "1")
        assert any(each in line for each in ("wrong.toml", "good.json: expected a folder", "os:")), (name, line)
        assert not Path("wrong.campaign").exists(), name


def test_wrong_options_of_campaigns_are_refused(folder: Path) -> None:
    """Also those that would write over what is read, or twice into one file."""
    for command in COMMANDS:
        refused(*command)
    assert not Path("out").exists()


def test_results_from_strangers_are_refused(folder: Path) -> None:
    for text in RESULTS.values():
        Path("strange").write_bytes(text)
        assert "strange" in refused("diff", "strange", "good.json")
