"""One log as one history: read once, from its beginning, its lines in order, with what is lost of it and where a new
process begins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from everyturn.files.reading import LogFile, ReadingFault
from everyturn.formats.catalogue import FormatReader, format_of, reader
from everyturn.formats.everyturn_log import LogReader, Placed
from everyturn.formats.mapped_log import MappedReader, unmapped
from everyturn.formats.mapping import Mapping
from everyturn.logs.order import WINDOW, Gap, LineOrder

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Reading:
    """How a log is to be read: its format, unless the file says it, in which order, and whether its end is rest."""

    format: str | None = None
    mapping: Mapping | None = None
    window: int = WINDOW
    by_time: bool = False
    at_rest: bool = False

    def format_of(self, file: LogFile) -> str:
        """The name of the file's format; ``mapping`` if there is one."""
        return "mapping" if self.mapping is not None else self.format or format_of(file)

    def reader(self, file: LogFile, fault: Callable[[ReadingFault], None]) -> FormatReader:
        """What reads the file, from its beginning."""
        if self.mapping is not None:
            return MappedReader(file, fault, self.mapping)
        made = reader(self.format_of(file), file, fault)
        if isinstance(made, LogReader):
            made.read_header(required=self.format is None)
        return made


AS_IT_IS: Final = Reading()


class Listener(Protocol):
    """Who is told of a log: of each line, of each gap, and of each session (none: all) that another process goes on
    with."""

    def see(self, placed: Placed, /) -> None: ...

    def gap(self, gap: Gap, /) -> None: ...

    def restart(self, name: str | None, /) -> None: ...


class History:
    """What a log tells, in order; ``header`` is known before the lines are read.

    :meth:`tell` says who is to be told; :meth:`read` reads the log, once, and tells. What cannot be read goes to
    ``fault``, and may have told anything: it is a gap, unless a sequence will show that its number is missing.
    """

    def __init__(self, file: LogFile, reading: Reading, fault: Callable[[ReadingFault], None]) -> None:
        self._reading, self._fault = reading, fault
        self._reader = reading.reader(file, self._unreadable)
        self.header = self._reader.header

    def tell(self, *listeners: Listener) -> LineOrder:
        """From now on these are told, in turn. Returns what holds back the lines that are early."""
        self._gap = _each([each.gap for each in listeners])
        self._order = LineOrder(
            _each([each.see for each in listeners]),
            self._gap,
            _each([each.restart for each in listeners]),
            sequence=self.header.sequence,
            by_time=self._reading.by_time,
            window=self._reading.window,
        )
        if isinstance(self._reader, LogReader):
            self._reader.renewed = self._order.renew
        return self._order

    def read(self) -> None:
        """Read the log to its end. Raises :class:`~everyturn.files.reading.Unreadable` if it cannot be read that
        far."""
        see = self._order.see
        for placed in self._reader:
            see(placed)

    def _unreadable(self, fault: ReadingFault) -> None:
        self._fault(fault)
        if fault.line and self.header.sequence is None:
            self._gap(Gap(None, 0, 0, fault.line))

    @property
    def unmapped(self) -> str | None:
        """What is to be said of lines that the mapping does not know, if there are any."""
        return unmapped(self._reader)


def _each(told: Sequence[Callable[[_T], None]]) -> Callable[[_T], None]:
    """One call that tells all."""
    if len(told) == 1:
        return told[0]

    def tell(what: _T) -> None:
        for each in told:
            each(what)

    return tell
