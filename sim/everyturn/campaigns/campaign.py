"""A campaign: a small TOML file that says which agents are asked what, how much, and when it is enough."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NamedTuple, get_args

import msgspec
from msgspec import Meta, Struct

from everyturn.campaigns.subjects import EXPLORE, PORTS, AskedCell, SubjectKind, checked
from everyturn.errors import UsageError
from everyturn.files.tables import explained, read_tables
from everyturn.printing import one_of

Word = Annotated[str, Meta(min_length=1, max_length=200)]
Words = Word | Annotated[list[Word], Meta(min_length=1, max_length=1000)]
"""One word, or several."""
Runs = Annotated[int, Meta(ge=1, le=1_000_000_000)]
States = Annotated[int, Meta(ge=1, le=1_000_000_000)]
Probability = Annotated[float, Meta(ge=1e-9, lt=1)]
Seconds = Annotated[float, Meta(gt=0, le=1e7)]
Stop = Literal["never", "cell", "campaign"]
Granularity = Literal["access", "await"]
Order = Literal["fifo", "any"]

MOST_CELLS: Final = 100_000
"""A product of more is a mistake."""


class _Table(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the file."""


class CellTable(_Table, frozen=True, kw_only=True):
    """Agents × scopes × strategies. One of ``revision``, ``agent``, ``session`` and ``scenario`` says what is asked
    about; scenarios have no scope. The strategy ``explore`` is every interleaving, up to ``max_states``."""

    revision: Words | None = None
    agent: Words | None = None
    session: Words | None = None
    scenario: Words | None = None
    scope: Words | None = None
    strategy: Words = "portfolio"
    runs: Runs | None = None
    risk: Probability | None = None
    max_states: States | None = None
    invariants: list[Word] | None = None
    without: list[Word] | None = None
    granularity: Granularity | None = None
    order: Order | None = None


class CampaignProfile(_Table, frozen=True, kw_only=True):
    """What is different under a name: how much is asked, when it is enough, and where failures are written to."""

    seconds: Seconds | None = None
    runs: Runs | None = None
    risk: Probability | None = None
    max_states: States | None = None
    stop: Stop | None = None
    seed: int | None = None
    failures: Word | None = None
    known: Literal["fail", "allow"] | None = None


class CampaignTables(_Table, frozen=True, kw_only=True):
    """The whole file. ``stop``: whether a violation ends its cell, or everything; ``unit``: how many runs are recorded
    at once."""

    title: Word
    seed: Annotated[int, Meta(ge=-(2**62), le=2**62)] = 0
    corpus: Word | None = None
    failures: Word | None = None
    invariants: list[Word] = []
    without: list[Word] = []
    seconds: Seconds | None = None
    runs: Runs | None = None
    risk: Probability | None = None
    max_states: States = 1_000_000
    unit: Annotated[int, Meta(ge=1, le=1_000_000)] = 250
    stop: Stop = "never"
    known: Literal["fail", "allow"] = "fail"
    cells: Annotated[list[CellTable], Meta(min_length=1, max_length=1000)]
    profiles: dict[str, CampaignProfile] = {}


PROFILES: Final[Mapping[str, CampaignProfile]] = {
    "pull-request": CampaignProfile(seconds=30.0),
    "nightly": CampaignProfile(failures="found"),
}
"""Profiles that every campaign has: known failures and thirty seconds; and all of it, with its failures written out. A
campaign may say otherwise in a table of that name."""


class Campaign(NamedTuple):
    """A campaign as it is to be run: its cells in their order, and when to stop. ``corpus``, ``failures``: folders."""

    title: str
    path: Path
    profile: str | None
    cells: tuple[AskedCell, ...]
    unit: int
    stop: Stop
    seconds: float | None
    corpus: Path | None
    failures: Path | None
    allows_known: bool


def read_campaign(path: Path, profile: str | None = None, seed: int | None = None) -> Campaign:
    """Read a campaign's file and all code that it names: to run a campaign is to run that code. ``seed``: in place of
    the file's.

    Raises :class:`UsageError` that says what was expected, what was found, and at which key.
    """
    raw = read_tables(path)
    try:
        tables = msgspec.convert(raw, CampaignTables)
    except msgspec.ValidationError as error:
        raise UsageError(f"{path}: {explained(str(error), raw, _kinds)}") from None
    tables = _with_profile(tables, profile, path)
    if seed is not None:
        tables = msgspec.structs.replace(tables, seed=seed)
    cells: dict[str, AskedCell] = {}
    for number, table in enumerate(tables.cells):
        where = f"{path}: cells[{number}]"
        for cell in _product(tables, table, where):
            if cell.key in cells:
                raise UsageError(f"{where}: expected different cells; found {cell.key!r} twice")
            if len(cells) == MOST_CELLS:
                raise UsageError(f"{where}: expected at most {MOST_CELLS:,} cells; found more")
            cells[cell.key] = cell
    return Campaign(
        tables.title,
        path,
        profile,
        tuple(cells.values()),
        tables.unit,
        tables.stop,
        tables.seconds,
        None if tables.corpus is None else path.parent / tables.corpus,
        None if tables.failures is None else path.parent / tables.failures,
        tables.known == "allow",
    )


def _with_profile(tables: CampaignTables, name: str | None, path: Path) -> CampaignTables:
    """What a profile says in place of what the file says. Raises :class:`UsageError` for a name that is not known."""
    if name is None:
        return tables
    profiles = {**PROFILES, **tables.profiles}
    if name not in profiles:
        raise UsageError(f"{path}: profile {name!r}: expected {one_of(profiles, name)}")
    profile = profiles[name]
    said = {key: value for key in profile.__struct_fields__ if (value := getattr(profile, key)) is not None}
    budgets = {key: said[key] for key in ("runs", "risk", "max_states") if key in said}
    cells = [msgspec.structs.replace(table, **budgets) for table in tables.cells]
    changed: CampaignTables = msgspec.structs.replace(tables, cells=cells, **said)
    return changed


def _product(tables: CampaignTables, table: CellTable, where: str) -> Iterator[AskedCell]:
    """The cells of one table. Raises :class:`UsageError`."""
    given = [(kind, names) for kind in get_args(SubjectKind) if (names := getattr(table, kind)) is not None]
    if len(given) != 1:
        found = " and ".join(kind for kind, _ in given) or "none"
        raise UsageError(f"{where}: expected one of {', '.join(get_args(SubjectKind))}; found {found}")
    kind, names = given[0]
    _expect_words(kind, table, where)
    for name, scope, strategy in product(_listed(names), _listed(table.scope or ""), _listed(table.strategy)):
        explores = strategy == EXPLORE
        cell = AskedCell(
            kind=kind,
            name=name,
            scope=scope,
            strategy=strategy,
            seed=0 if explores else tables.seed,
            runs=None if explores else table.runs or tables.runs,
            risk=None if explores else table.risk or tables.risk,
            max_states=table.max_states or tables.max_states if explores else None,
            invariants=tuple(tables.invariants if table.invariants is None else table.invariants),
            without=tuple(tables.without if table.without is None else table.without),
            setting=table.granularity or table.order or ("access" if kind in PORTS else "fifo"),
        )
        try:
            yield checked(cell)
        except UsageError as error:
            raise UsageError(f"{where}: {error}") from error


def _expect_words(kind: SubjectKind, table: CellTable, where: str) -> None:
    """Raise :class:`UsageError` for a table whose keys do not go with the kind of what it asks about."""
    if (table.scope is None) != (kind == "scenario"):
        expected = "no scope, since a scenario has none" if kind == "scenario" else "a scope, such as 'AA+1c'"
        raise UsageError(f"{where}: expected {expected}; found {'none' if table.scope is None else 'one'}")
    key, other = ("order", "granularity") if kind in PORTS else ("granularity", "order")
    if getattr(table, key) is not None:
        raise UsageError(f"{where}: expected {other}, if anything, for a {kind}; found {key}")
    if kind == "scenario" and (table.invariants or table.without):
        raise UsageError(f"{where}: expected no invariants, since a scenario has none; found some")


def _listed(words: str | Sequence[str]) -> Sequence[str]:
    return [words] if isinstance(words, str) else words


def _kinds(place: str) -> Sequence[str]:
    """The words that may stand at a place."""
    key: Any = place.rpartition(".")[2]
    words = {"stop": Stop, "known": Literal["fail", "allow"], "granularity": Granularity, "order": Order}
    return [repr(each) for each in get_args(words.get(key, Stop))]
