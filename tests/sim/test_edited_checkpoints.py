"""No proof rests on a checkpoint that somebody edited: not on one whose digest is wrong, nor on one whose numbers
are."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
from click.testing import CliRunner
from tests.nightly import thinned

from everyturn.cli import main
from everyturn.engines.coroutines.exploration import Limits
from everyturn.engines.explorer import archives, checkpoints
from everyturn.engines.explorer.checkpoints import load, save
from everyturn.engines.explorer.levels import LevelExplorer
from everyturn.errors import UsageError
from everyturn.verdicts.checker import Judge
from everyturn.world.scope import Scope
from everyturn.world.world import World

Edit = Callable[[dict[str, Any], dict[str, Any]], None]


def explored(path: Path, states: int = 600) -> None:
    """A checkpoint of a scope in which `no-hang` is violated."""
    explorer = LevelExplorer(World(Scope.parse("AA"), "d3"), Judge())
    explorer.run(Limits(states=states))
    save(explorer, path)


def edited(path: Path, edit: Edit, *, fits: bool) -> None:
    """Edit arrays and header of a checkpoint; ``fits``: the digest as well."""
    arrays = archives.read(path)
    del arrays["digest"]
    digest = archives._digest(arrays)
    header = json.loads(bytes(arrays["header"]))
    edit(header, arrays)
    arrays["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
    if fits:
        archives.write(path, arrays)
    else:
        with path.open("wb") as file:
            np.savez(file, **arrays, digest=digest)


def done_forward(header: dict[str, Any], arrays: dict[str, Any]) -> None:
    header["done"] = header["levels"][-1]


def all_done(header: dict[str, Any], arrays: dict[str, Any]) -> None:
    states = len(arrays["states"])
    header["levels"][-1] = header["done"] = states
    header["counts"]["rests"] = 0


def halved(header: dict[str, Any], arrays: dict[str, Any]) -> None:
    """Half of the states, and all that is counted of them."""
    half = header["levels"][-2]
    for name in ("states", "parents", "moves"):
        arrays[name] = arrays[name][:half]
    header["levels"].pop()
    header["done"] = header["counts"]["states"] = half
    header["counts"]["depth"] -= 1


def shorter(header: dict[str, Any], arrays: dict[str, Any]) -> None:
    arrays["states"] = arrays["states"][: len(arrays["states"]) // 2]


def deeper(header: dict[str, Any], arrays: dict[str, Any]) -> None:
    header["counts"]["depth"] += 1


def fewer_transitions(header: dict[str, Any], arrays: dict[str, Any]) -> None:
    header["counts"]["transitions"] = 1


def innocent(header: dict[str, Any], arrays: dict[str, Any]) -> None:
    assert header["violations"]
    header["violations"] = []


def elsewhere(header: dict[str, Any], arrays: dict[str, Any]) -> None:
    arrays["states"] = arrays["states"].copy()
    arrays["states"][0] ^= np.uint64(1)


def from_nowhere(header: dict[str, Any], arrays: dict[str, Any]) -> None:
    arrays["parents"] = arrays["parents"].copy()
    arrays["parents"][-1] = len(arrays["parents"]) - 1


def words(header: dict[str, Any], arrays: dict[str, Any]) -> None:
    header["done"] = "all"


def unjudged(header: dict[str, Any], arrays: dict[str, Any]) -> None:
    arrays["judge-0-after"] = arrays["judge-0-after"][:-1]


def unfindable(header: dict[str, Any], arrays: dict[str, Any]) -> None:
    arrays["judge-found"] = arrays["judge-found"] + 1000


EDITS: Final[list[Edit]] = [
    done_forward, all_done, halved, shorter, deeper, fewer_transitions, innocent, elsewhere, from_nowhere, words,
    unjudged, unfindable,
]  # fmt: skip


@thinned(2)
@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("fits", [False, True])
def test_an_edited_checkpoint_is_refused(edit: Edit, fits: bool, tmp_path: Path) -> None:
    """By its digest; and if that was made to fit, by what an exploration always is."""
    path = tmp_path / "checkpoint"
    explored(path, 2000 if edit is innocent else 600)
    edited(path, edit, fits=fits)
    with pytest.raises(UsageError, match=r"expected everyturn/checkpoint/4, found ") as refused:
        load(path, World(Scope.parse("AA"), "d3"), Judge())
    assert ("its digest does not fit" in str(refused.value)) is not fits


def unrenamed(header: dict[str, Any], arrays: dict[str, Any]) -> None:
    """Nothing in the journal says that a renaming has given a number."""
    arrays["journal"] = arrays["journal"][arrays["journal"][:, 0] != -2]


def unclassified(header: dict[str, Any], arrays: dict[str, Any]) -> None:
    arrays["journal"] = arrays["journal"][arrays["journal"][:, 0] != -4]


def self_made(header: dict[str, Any], arrays: dict[str, Any]) -> None:
    """A life that is its own origin."""
    (name,) = [name for name in arrays if name.endswith("-renamed") and len(arrays[name])][:1]
    arrays[name] = arrays[name].copy()
    arrays[name][0, 1:3] = int(name.split("-")[1]), arrays[name][0, 0]


def first_without_end(header: dict[str, Any], arrays: dict[str, Any]) -> None:
    arrays["first"] = arrays["first"][:-1]


def nobody_is_first(header: dict[str, Any], arrays: dict[str, Any]) -> None:
    """As if all had been followed where one was."""
    arrays["first"] = np.full_like(arrays["first"], -1)


@thinned(2)
@pytest.mark.parametrize(
    ("reduce", "edit"),
    [
        *product(["symmetry"], [all_done, unrenamed, unclassified, self_made]),
        *product(["ample"], [all_done, first_without_end, nobody_is_first]),
    ],
)
def test_nor_is_one_that_leaves_something_out(reduce: str, edit: Edit, tmp_path: Path) -> None:
    """Though its digest was made to fit."""
    path = tmp_path / "checkpoint"
    explorer = LevelExplorer(World(Scope.parse("AA"), "d3"), Judge(), reduce)
    explorer.run(Limits(states=600))
    save(explorer, path)
    edited(path, edit, fits=True)
    with pytest.raises(UsageError, match=r"expected everyturn/checkpoint/4, found |the code has changed since"):
        load(path, World(Scope.parse("AA"), "d3"), Judge(), reduce)


def test_nothing_is_proved_by_it_on_the_command_line(tmp_path: Path) -> None:
    """Exit code 2, and no verdict."""
    path = tmp_path / "checkpoint"
    explored(path)
    edited(path, all_done, fits=False)
    result = CliRunner().invoke(main, ["check", "--revision", "d3", "--scope", "AA", "--checkpoint", str(path)])
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"everyturn: checkpoint {path}: expected everyturn/checkpoint/4, found one that ")


def test_other_code_starts_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ours or the agent's: what it would find may differ where nobody looks."""
    path = tmp_path / "checkpoint"
    explored(path)
    monkeypatch.setattr(checkpoints, "own_code", lambda: "0" * 16)
    with pytest.raises(UsageError, match="the code has changed; start again"):
        load(path, World(Scope.parse("AA"), "d3"), Judge())


def test_an_archive_is_no_larger_than_its_file(tmp_path: Path) -> None:
    """Neither compressed arrays nor headers that claim more than there is are read."""
    path = tmp_path / "a"
    with path.open("wb") as file:
        np.savez_compressed(file, states=np.zeros(10**7, np.uint8))
    with pytest.raises(archives.NoArchive, match="compressed arrays"):
        archives.read(path)
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<u8", "fortran_order": False, "shape": (10**12,)})
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("states.npy", header.getvalue() + b"12345678")
    with pytest.raises(archives.NoArchive, match="other arrays: 'states"):
        archives.read(path)
