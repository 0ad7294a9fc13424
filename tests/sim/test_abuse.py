"""Whatever is wrong with an input: exit code 2, a line that names it, and no file is worse than it was before."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.sim.abuse_corpus import FOLDER, BadInput, of_contents, of_files, of_words
from tests.sim.test_any_bytes import ROOT

from everyturn.cli import main
from everyturn.printing import LONGEST

CORPUS = [*of_files(), *of_contents(), *of_words()]
MOST_LINES = 22
"""So many lines `validate` says of one log: twenty places, how many more there are, and that nothing was left."""


def test_the_corpus_is_large() -> None:
    """At least three hundred, each with a name of its own."""
    assert len({bad.what for bad in CORPUS}) >= 300


@pytest.mark.parametrize("bad", [pytest.param(bad, id=f"{at} {bad.what}") for at, bad in enumerate(CORPUS)])
def test_a_bad_input_is_refused(bad: BadInput, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the exit code of a mistake, within bounds; what was there stays as it was, and nothing is left behind."""
    monkeypatch.chdir(ROOT)
    file, out = tmp_path / f"bad{bad.ending}", tmp_path / "out"
    out.write_bytes(b"good")
    content = bad.content()
    if content == FOLDER:
        file.mkdir()
    elif content is not None:
        file.write_bytes(content)
    stands = {"FILE": str(file), "OUT": str(out), "NEW": str(tmp_path / "new")}

    result = CliRunner().invoke(main, [stands.get(word, word) for word in bad.words])

    said = result.stderr.splitlines()
    assert result.exit_code == bad.code, result.output
    assert "Traceback" not in result.stderr
    assert 1 <= len(said) <= (MOST_LINES if bad.words[:1] == ("validate",) else 2)
    assert max(map(len, said)) <= LONGEST + len("everyturn: ")
    assert len(result.stdout) < 20_000
    assert stands.get(bad.named, bad.named) in result.stderr
    assert out.read_bytes() == b"good"
    if file.is_file():
        assert file.read_bytes() == content
    assert {each.name for each in tmp_path.iterdir()} <= {"out", file.name}
