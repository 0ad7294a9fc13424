"""Files that a run changes are a part of its state, and as they were before in the next one."""

from __future__ import annotations

import asyncio
import dbm.dumb
import json
import logging
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from everyturn.asyncio.checking import check
from everyturn.asyncio.runtime import changed_files
from everyturn.asyncio.runtime.errors import Unsupported
from everyturn.asyncio.search.searching import search
from everyturn.verdicts.verdict import Verdict

HERE = Path("here")


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _in_a_database(way: int) -> None:
    with closing(sqlite3.connect("rows")) as rows:
        rows.execute("CREATE TABLE kept (way)")
        rows.execute("INSERT INTO kept VALUES (?)", (way,))
        rows.commit()


def _of_the_database() -> Any:
    with closing(sqlite3.connect("rows")) as rows:
        return rows.execute("SELECT way FROM kept").fetchone()[0]


def _by_key(way: int) -> None:
    with dbm.dumb.open("keys", "n") as keys:
        keys["way"] = str(way)


def _key() -> bytes:
    with dbm.dumb.open("keys") as keys:
        return keys["way"]


def _made(way: int) -> None:
    if way:
        HERE.touch()


def _made_a_folder(way: int) -> None:
    if way:
        HERE.mkdir()


def _moved(way: int) -> None:
    HERE.touch()
    if way:
        HERE.rename("there")


def _linked(way: int) -> None:
    HERE.symlink_to(f"way{way}")


def _descriptor(way: int) -> None:
    file = os.open("here", os.O_WRONLY | os.O_CREAT)
    os.write(file, bytes([way]))
    os.close(file)


def _timed(way: int) -> None:
    HERE.touch()
    os.utime(HERE, (1, way))


def _permitted(way: int) -> None:
    HERE.touch()
    HERE.chmod(0o600 + way)


def _cut(way: int) -> None:
    HERE.write_text("long")
    os.truncate(HERE, way)


REMEMBERED: dict[str, tuple[Callable[[int], Any], Callable[[], Any]]] = {
    "content": (lambda way: HERE.write_text(str(way)), HERE.read_text),
    "content, by a descriptor": (_descriptor, HERE.read_bytes),
    "that it is there": (_made, HERE.exists),
    "a folder": (_made_a_folder, HERE.is_dir),
    "its name": (_moved, lambda: sorted(map(str, Path().iterdir()))),
    "where a link leads": (_linked, lambda: str(HERE.readlink())),
    "its time": (_timed, lambda: HERE.stat().st_mtime),
    "who may read it": (_permitted, lambda: HERE.stat().st_mode),
    "its length": (_cut, lambda: HERE.stat().st_size),
    "rows of a database": (_in_a_database, _of_the_database),
    "keys": (_by_key, _key),
}


@pytest.mark.parametrize("name", REMEMBERED)
def test_what_only_a_file_remembers_is_a_part_of_the_state(name: str) -> None:
    write, read = REMEMBERED[name]

    async def scenario(world: Any) -> None:
        try:
            await world.io("way", errors=[LookupError])
            write(0)
        except LookupError:
            write(1)
        await asyncio.gather(world.io("x"), world.io("y"))
        seen.add(repr(read()))

    seen: set[str] = set()
    found = search(scenario)
    assert len(seen) == 2
    assert found.complete
    assert found.states
    assert not found.opaque


async def keeps_its_session(world: Any) -> None:
    """Reads, waits, and writes: the second prompt overwrites the first."""
    path = Path("session.json")

    async def ask(prompt: str) -> None:
        messages = json.loads(path.read_text()) if path.exists() else []
        await world.io(f"model {prompt}")
        path.write_text(json.dumps([*messages, prompt]))

    await asyncio.gather(ask("one"), ask("two"))
    assert len(json.loads(path.read_text())) == 2


async def appends_to_its_session(world: Any) -> None:
    """Whatever the runs before have appended."""
    path = Path("session.jsonl")

    async def ask(prompt: str) -> None:
        await world.io(f"model {prompt}")
        with path.open("a") as file:
            file.write(f"{prompt}\n")

    await asyncio.gather(ask("one"), ask("two"))
    assert sorted(path.read_text().split()) == ["one", "two"]


def test_a_session_that_lives_in_a_file_is_explored() -> None:
    assert check(keeps_its_session).cell.verdict is Verdict.REFUTED
    assert check(appends_to_its_session).cell.verdict is Verdict.PROVED
    assert not any(Path().iterdir())


async def changes_everything(world: Any) -> None:
    Path("kept").write_text("changed")
    Path("gone").unlink()
    shutil.rmtree("folder")
    Path("new").mkdir()
    Path("new", "file").write_text("new")
    Path("moved").rename("kept")
    with tempfile.TemporaryDirectory(dir=".") as folder:
        Path(folder, "file").touch()
    await world.io("x")
    Path("link").unlink()


def _all_files() -> dict[str, Any]:
    return {
        str(each): (each.read_bytes() if each.is_file() else None, each.lstat().st_mode, each.lstat().st_mtime_ns)
        for each in sorted(Path().rglob("*"))
        if each.is_symlink() or each.is_file() or each.is_dir()
    }


def test_files_are_put_back_after_each_run() -> None:
    for name in ("kept", "gone", "moved"):
        Path(name).write_text(name)
        os.utime(name, (5, 5))
    Path("kept").chmod(0o640)
    Path("folder", "inner").mkdir(parents=True)
    Path("folder", "inner", "file").write_text("within")
    Path("link").symlink_to("kept")
    before = {name: found for name, found in _all_files().items() if not name.startswith(("folder", "link"))}
    assert check(changes_everything).cell.verdict is Verdict.PROVED
    after = _all_files()
    assert {name: after[name] for name in before} == before
    assert Path("folder", "inner", "file").read_text() == "within"
    assert str(Path("link").readlink()) == "kept"
    assert set(map(str, Path().iterdir())) == {"kept", "gone", "moved", "folder", "link"}


def test_a_file_that_could_not_be_put_back_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changed_files, "MOST", 3)
    HERE.write_text("long")
    with pytest.raises(Unsupported, match=r"test_asyncio_files\.py:\d+: .*here is changed: expected a file of 3 bytes"):
        check(appends_to_here)
    assert HERE.read_text() == "long"


async def appends_to_here(world: Any) -> None:
    with HERE.open("a") as file:
        file.write("er")


async def logs_into_a_file(world: Any) -> None:
    """Which nobody reads: it keeps no states apart."""
    handler = logging.FileHandler("log", delay=True)

    async def say(word: str) -> None:
        await world.io(word)
        handler.handle(logging.makeLogRecord({"msg": word}))

    try:
        await asyncio.gather(say("one"), say("two"))
        await asyncio.gather(world.io("x"), world.io("y"))
    finally:
        handler.close()


def test_what_is_logged_is_no_state() -> None:
    found = search(logs_into_a_file)
    assert found.complete
    assert found.runs < search(logs_into_a_file, merge=False).runs
