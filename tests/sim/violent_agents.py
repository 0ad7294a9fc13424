"""Dispatchers that would end the program, or take its output away; the line to blame ends in ``# !``."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from everyturn_impl.calls import Call, Context
from everyturn_impl.ports import Ports
from everyturn_impl.revisions.hardened import Hardened


class Violent(Hardened):
    """Does what a dispatcher shall, and something besides."""

    async def serve(self, call: Call, caller: Context) -> None:
        self.harm()
        await super().serve(call, caller)

    def harm(self) -> None:
        pass


class Own(BaseException):
    """An error that nobody knows."""


class Speechless(Exception):
    """An error that cannot even be told."""

    def __repr__(self) -> str:
        sys.exit(0)

    __str__ = __repr__


class Exits(Violent):
    def harm(self) -> None:
        sys.exit(0)  # !


class ExitsAsRefuted(Violent):
    async def cancel(self) -> None:
        raise SystemExit(1)  # !


class IsCancelled(Violent):
    def harm(self) -> None:
        raise asyncio.CancelledError  # !


class Interrupts(Violent):
    def harm(self) -> None:
        raise KeyboardInterrupt  # !


class HasNoMemory(Violent):
    def harm(self) -> None:
        raise MemoryError  # !


class AsksForAllMemory(Violent):
    def harm(self) -> None:
        self.kept = " " * (1 << 62)  # !


class ThrowsAway(Violent):
    def harm(self) -> None:
        raise GeneratorExit  # !


class Stops(Violent):
    async def serve(self, call: Call, caller: Context) -> None:
        next(iter(()))  # !


class Recurses(Violent):
    def harm(self) -> None:
        self.harm()  # !


class RaisesItsOwn(Violent):
    def harm(self) -> None:
        raise Own  # !


class RaisesTheSpeechless(Violent):
    def harm(self) -> None:
        raise Speechless  # !


class Warns(Violent):
    def harm(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.warn("beware", stacklevel=1)  # !


class ExitsAtTheEnd(Violent):
    async def serve(self, call: Call, caller: Context) -> None:
        try:
            await super().serve(call, caller)
        finally:
            sys.exit(0)  # !


class HandlesSignals(Violent):
    def harm(self) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # !


class GoesElsewhere(Violent):
    def harm(self) -> None:
        os.chdir("/")  # !


class Forks(Violent):
    def harm(self) -> None:
        os.fork()  # !


class CannotBeMade(Violent):
    def __init__(self, ports: Ports, *, direct: bool = False) -> None:
        sys.exit(0)  # !


class IsCancelledWhileMade(Violent):
    def __init__(self, ports: Ports, *, direct: bool = False) -> None:
        raise asyncio.CancelledError  # !


class IsInterruptedWhileMade(Violent):
    def __init__(self, ports: Ports, *, direct: bool = False) -> None:
        raise KeyboardInterrupt  # !


@dataclass(frozen=True, slots=True)
class Trap:
    """An object of one's own with a step that ends the program."""

    shut: bool = False

    def close(self) -> tuple[None, Trap]:
        sys.exit(0)  # ! of StepExits


class StepExits(Violent):
    own: ClassVar[Any] = {"trap": Trap()}

    def __init__(self, ports: Ports, *, direct: bool = False, trap: Any = None) -> None:
        super().__init__(ports, direct=direct)
        self.trap = trap

    async def serve(self, call: Call, caller: Context) -> None:
        await self.trap.do(Trap.close)


FAULTY: tuple[type[Violent], ...] = (
    Exits,
    ExitsAsRefuted,
    IsCancelled,
    Interrupts,
    HasNoMemory,
    AsksForAllMemory,
    ThrowsAway,
    Stops,
    Recurses,
    RaisesItsOwn,
    RaisesTheSpeechless,
    Warns,
    ExitsAtTheEnd,
    HandlesSignals,
    GoesElsewhere,
    Forks,
    CannotBeMade,
    IsCancelledWhileMade,
    IsInterruptedWhileMade,
    StepExits,
)
"""Those that must be told as the user's mistake."""


class Prints(Violent):
    def harm(self) -> None:
        print("everything is proved")
        assert sys.__stdout__ is not None
        sys.__stdout__.write("{}")


class ClosesItsOutput(Violent):
    def harm(self) -> None:
        streams: tuple[Any, ...] = (sys.stdout, sys.__stdout__, sys.stderr, sys.__stderr__)
        for stream in streams:
            stream.close()


class PutsItsOutputElsewhere(Violent):
    def harm(self) -> None:
        sys.stdout = sys.__stdout__ = None  # type: ignore[misc]


class MakesMuchOfItsEnd(Violent):
    """Where it is thrown away, it awaits, and raises what ends programs."""

    last: Callable[[], object] = staticmethod(lambda: sys.exit(0))

    async def serve(self, call: Call, caller: Context) -> None:
        try:
            await super().serve(call, caller)
        except GeneratorExit:
            try:
                await self.ports.queue.get()
            finally:
                self.last()


class RaisesAtItsEnd(MakesMuchOfItsEnd):
    last = staticmethod(lambda: 1 // 0)


HARMLESS: tuple[type[Violent], ...] = (
    Prints,
    ClosesItsOutput,
    PutsItsOutputElsewhere,
    MakesMuchOfItsEnd,
    RaisesAtItsEnd,
)
"""Those of which nothing must be seen in what a command prints."""
