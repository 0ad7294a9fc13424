"""A study: a small TOML file that says who comes, how long things take, what goes wrong, and what is varied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NamedTuple, get_args

import msgspec
from msgspec import Meta, Struct

from everyturn.errors import UsageError
from everyturn.files.tables import explained, read_tables
from everyturn.studies.distributions import Constant, Distribution, Exponential, Lognormal, Positive, Seconds, Shown
from everyturn.world.agents import named_in
from everyturn.world.world import revision_name
from everyturn_impl.revisions import REVISIONS

Proportion = Annotated[float, Meta(ge=0, le=1)]
Rate = Annotated[float, Meta(ge=0)]
Number = Annotated[int, Meta(ge=1, le=1_000_000)]


class _Table(Struct, frozen=True, forbid_unknown_fields=True):
    """A table of the file."""


class Poisson(_Table, frozen=True, kw_only=True, tag_field="kind", tag="poisson"):
    """Prompts come independently of each other, in each session at this rate."""

    per_minute: Rate


class Bursts(_Table, frozen=True, kw_only=True, tag_field="kind", tag="bursts"):
    """Bursts come as a Poisson process; each is ``size`` prompts with a ``gap`` between two."""

    per_hour: Rate
    size: Number
    gap: Distribution = Constant(0.0)


class Users(_Table, frozen=True, kw_only=True, tag_field="kind", tag="users"):
    """Users of one session, each: think, submit, wait for the completion (if there is a run id), and again.

    A user who was not told after ``give_up`` seconds goes on without it.
    """

    number: Number = 1
    think: Distribution
    give_up: Positive = 600.0


class RecordedArrivals(_Table, frozen=True, kw_only=True, tag_field="kind", tag="recorded"):
    """Prompts, Cancels, ClearQueues and Summarises come as in the runs of a recorded log, one run after the other.

    ``scale`` stretches the times within a run, ``pause`` lies between two runs; after the last run comes the first.
    """

    log: str
    scale: Positive = 1.0
    pause: Distribution


Arrivals = Poisson | Bursts | Users | RecordedArrivals
Bars = Literal["curves", "bars"]


class Cancels(_Table, frozen=True, kw_only=True):
    """Who cancels: somebody, at a rate in each session; and users who were not told for as long as ``patience``."""

    per_hour: Rate = 0.0
    patience: Distribution | None = None


class Latency(_Table, frozen=True, kw_only=True):
    """How long things take. An operation takes effect at the end of its time.

    ``access``: one access to shared data in memory; ``entry``: from acceptance until the prompt's thread runs;
    ``store``: one store operation; ``stream``: one stream of the model; ``notice``: until a stream notices that it was
    cancelled.
    """

    access: Distribution = Constant(0.0)
    entry: Distribution = Constant(0.0)
    store: Distribution = Exponential(0.005)
    stream: Distribution = Lognormal(15.0, 60.0)
    notice: Distribution = Exponential(0.05)


class Faults(_Table, frozen=True, kw_only=True):
    """How often the world is unkind, as probabilities.

    Of a stream: ``provider_error``, ``unauthorised``, ``tool_round`` (another step follows), ``window_full``; of a
    store operation that may fail: ``store``.
    """

    provider_error: Proportion = 0.0
    unauthorised: Proportion = 0.0
    tool_round: Proportion = 0.0
    window_full: Proportion = 0.0
    store: Proportion = 0.0

    def __post_init__(self) -> None:
        if self.provider_error + self.unauthorised + self.tool_round > 1:
            raise ValueError(
                "Expected `provider_error`, `unauthorised` and `tool_round` with a sum of at most 1, got more"
            )


class Subscribers(_Table, frozen=True, kw_only=True):
    """Clients that receive every completion of every session; a session's own client is one of them, in turn.

    Each reads one event in ``read`` seconds, and its buffer holds ``buffer``.
    """

    number: Number = 1
    buffer: Number = 64
    read: Distribution = Constant(0.0)


class Plot(_Table, frozen=True, kw_only=True):
    """What the picture shows: ``y`` measures, a panel each, over the first of the varied parameters.

    ``bars`` shows what became of the prompts instead, a bar for each revision. ``theory`` adds the mean wait of the
    M/G/1 queue (Pollaczek and Khinchine) to a panel of `wait_mean`.
    """

    kind: Bars = "curves"
    y: tuple[str, ...] = ("stuck_per_thousand",)
    x_label: str | None = None
    x_log: bool = False
    y_log: bool = False
    theory: bool = False


class Study(_Table, frozen=True, kw_only=True):
    """One study. Each replication simulates ``hours`` of virtual time and leaves prompts of the first ones out."""

    title: str
    question: str = ""
    revisions: Annotated[tuple[str, ...], Meta(min_length=1)] = tuple(REVISIONS)
    hours: Positive = 100.0
    warm_up_hours: Seconds = 0.0
    replications: Number = 10
    seed: int = 0
    confidence: Annotated[float, Meta(gt=0, lt=1)] = 0.95
    sessions: Number = 1
    run_ids: Proportion = 1.0
    accepted: Proportion = 1.0
    arrivals: Arrivals
    cancels: Cancels = Cancels()
    latency: Latency = Latency()
    faults: Faults = Faults()
    subscribers: Subscribers | None = None
    vary: dict[str, Annotated[tuple[Any, ...], Meta(min_length=1)]] = {}
    plot: Plot = Plot()

    def __post_init__(self) -> None:
        if self.warm_up_hours >= self.hours:
            raise ValueError(f"Expected `warm_up_hours` below `hours` ({self.hours:g}), got {self.warm_up_hours:g}")


class StudyPoint(NamedTuple):
    """One point of a study: a revision, the varied parameters with their values, and the study with these set."""

    revision: str
    parameters: dict[str, Any]
    study: Study


LOG_KEYS: Final = ("log",)
"""Keys whose value is a path, relative to the study's file."""


class Source(NamedTuple):
    """A study as it was written, so that parameters can be varied by their names."""

    raw: dict[str, Any]
    where: str
    folder: Path
    named: frozenset[str] | None = None
    """Agents that the caller has named, if the study is a file's; others of the user's own are not imported."""

    def study(self, changes: Mapping[str, Any] | None = None) -> Study:
        """The study with ``changes`` (`latency.store.mean` → value) made. Raises :class:`UsageError`."""
        raw = _copy(self.raw, self.folder)
        for name, value in (changes or {}).items():
            _set(raw, name, value, self.where)
        try:
            study = msgspec.convert(raw, Study)
        except msgspec.ValidationError as error:
            raise UsageError(f"{self.where}: {explained(str(error), raw, _kinds)}") from None
        try:
            return msgspec.structs.replace(study, revisions=tuple(map(self._revision, study.revisions)))
        except UsageError as error:
            raise UsageError(f"{self.where}: revisions: {error}") from error

    def _revision(self, name: str) -> str:
        own = self.named is None or name in self.named
        return revision_name(name if own else named_in(self.where, name))

    def cells(self) -> list[StudyPoint]:
        """Every combination of a revision and the varied values. Raises :class:`UsageError`."""
        study = self.study()
        for name, values in (*study.vary.items(), ("revisions", study.revisions)):
            if twice := [value for number, value in enumerate(values) if value in values[:number]]:
                raise UsageError(f"{self.where}: {name}: expected different values; found {twice[0]!r} twice")
        grid = [dict(zip(study.vary, values, strict=True)) for values in product(*study.vary.values())]
        changed = [(parameters, self.study(parameters)) for parameters in grid]
        return [StudyPoint(name, parameters, each) for name in study.revisions for parameters, each in changed]


def read_study(path: Path, overrides: Mapping[str, Any] | None = None) -> Source:
    """Read a study's file; ``overrides`` replace what it says (`seed` → 7). Raises :class:`UsageError`."""
    raw = read_tables(path)
    named = frozenset((overrides or {}).get("revisions", ()))
    return source(raw, str(path), path.parent, overrides, named)


def source(
    raw: dict[str, Any],
    where: str,
    folder: Path = Path(),
    overrides: Mapping[str, Any] | None = None,
    named: frozenset[str] | None = None,
) -> Source:
    """A study from its tables; checked. ``named``: see :class:`Source`. Raises :class:`UsageError`."""
    raw = _copy(raw, None)
    for name, value in (overrides or {}).items():
        _set(raw, name, value, where)
    made = Source(raw, where, folder, named)
    made.cells()
    return made


def _copy(raw: dict[str, Any], folder: Path | None) -> dict[str, Any]:
    """A copy that can be changed; paths are taken from ``folder``."""
    copied: dict[str, Any] = {}
    for key, value in raw.items():
        if isinstance(value, dict):
            copied[key] = _copy(value, folder)
        elif key in LOG_KEYS and folder is not None and isinstance(value, str):
            copied[key] = str(folder / value)
        else:
            copied[key] = value
    return copied


def _set(raw: dict[str, Any], name: str, value: Any, where: str) -> None:
    *tables, key = name.split(".")
    for table in tables:
        raw = raw.setdefault(table, {})
        if not isinstance(raw, dict):
            raise UsageError(f"{where}: {name}: expected a table {table!r}; found {raw!r}")
    raw[key] = value


def _kinds(place: str) -> Sequence[str]:
    """The words that may stand at a place, of those where only some may."""
    if place == "plot.kind":
        return get_args(Bars)
    if place.endswith(".of"):
        return get_args(Shown)
    kinds = get_args(Arrivals if place == "arrivals.kind" else Distribution)
    return [str(each.__struct_config__.tag) for each in kinds]
