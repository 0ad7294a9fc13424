"""Who makes units: this process, as many as there are cores, or a Dask cluster. Each makes the same of them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import msgspec

from everyturn.campaigns.index_format import UnitRow
from everyturn.campaigns.known import CorpusFile, judge_known
from everyturn.campaigns.making import RunShare, Trouble, make_share, trouble
from everyturn.campaigns.small import FoundFailure, smaller
from everyturn.errors import UsageError
from everyturn.world import overrun


class UnitTask(NamedTuple):
    """A unit to be made: its name, and what it says."""

    name: str
    work: RunShare | CorpusFile | FoundFailure


class MadeUnit(NamedTuple):
    """A unit that was made, or why it was not."""

    name: str
    row: UnitRow | None
    trouble: Trouble | None = None


class WorkersDied(Exception):
    """Processes that made units have died. What they were making is made again."""


Workers = Callable[[Iterable[UnitTask]], Iterator[MadeUnit]]
"""Makes tasks, which are taken one by one, in any order."""


def make(task: UnitTask) -> MadeUnit:
    """Make one unit, wherever this is called. Raises nothing but :class:`KeyboardInterrupt`, if it was interrupted: the
    unit is nothing then, since an agent's code may have swallowed what was raised within it."""
    with overrun.asked_for() as asked:
        try:
            made = MadeUnit(task.name, _row(task.work))
        except Exception as error:  # noqa: BLE001 # whatever it is, the campaign goes on, and tells it
            made = MadeUnit(task.name, None, trouble(error))
    if asked:
        raise KeyboardInterrupt
    return made


def _row(work: RunShare | CorpusFile | FoundFailure) -> UnitRow:
    if isinstance(work, RunShare):
        return UnitRow(msgspec.json.encode(make_share(work)))
    if isinstance(work, CorpusFile):
        return UnitRow(msgspec.json.encode(judge_known(work)))
    small, trace = smaller(work)
    return UnitRow(msgspec.json.encode(small), trace)


def here(tasks: Iterable[UnitTask]) -> Iterator[MadeUnit]:
    """In this process, one after the other."""
    return map(make, tasks)


def on_cores(number: int) -> Workers:
    """In so many processes."""

    def each(tasks: Iterable[UnitTask]) -> Iterator[MadeUnit]:
        from joblib.externals.loky.process_executor import TerminatedWorkerError

        try:
            yield from _in_parallel(tasks, number)
        except TerminatedWorkerError as error:
            raise WorkersDied(str(error)) from error

    return each


@contextmanager
def on_dask(address: str) -> Iterator[Workers]:
    """On the cluster whose scheduler is at ``address``. Raises :class:`UsageError` if it cannot be used."""
    try:
        from dask.distributed import Client
        from joblib import parallel_config
    except ImportError as error:
        raise UsageError(
            "--dask: expected dask.distributed; found none: python -m pip install everyturn[dask]"
        ) from error
    try:
        client = Client(address, timeout="10s")
    except (OSError, ValueError) as error:
        raise UsageError(f"--dask {address}: expected the address of a scheduler; found {error}") from error
    with client:
        threads: dict[str, int] = client.nthreads()
        if not threads or max(threads.values()) > 1:
            raise UsageError(
                f"--dask {address}: expected workers of one thread each (dask worker --nthreads 1 --nworkers N); found "
                f"{f'{len(threads)} of up to {max(threads.values())}' if threads else 'none'}"
            )

        def each(tasks: Iterable[UnitTask]) -> Iterator[MadeUnit]:
            with parallel_config(backend="dask"):
                yield from _in_parallel(tasks, len(threads))

        yield each


def _in_parallel(tasks: Iterable[UnitTask], number: int) -> Iterator[MadeUnit]:
    from joblib import Parallel, delayed

    parallel: Any = Parallel(number, return_as="generator_unordered", batch_size=1, pre_dispatch="2*n_jobs")
    with warnings.catch_warnings():
        # When a campaign stops early, joblib warns of units that go unused: that is meant.
        warnings.filterwarnings("ignore", module="joblib")
        yield from parallel(delayed(make)(task) for task in tasks)
