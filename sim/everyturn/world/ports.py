"""All ports of one world."""

from __future__ import annotations

from everyturn.world import signatures
from everyturn.world.gate import Gate
from everyturn.world.objects.accepting import MarkPort, ReservationsPort
from everyturn.world.objects.active import ActivePort
from everyturn.world.objects.broker import BrokerPort
from everyturn.world.objects.closing import ClosingPort
from everyturn.world.objects.contexts import ContextsPort
from everyturn.world.objects.hooks import HooksPort
from everyturn.world.objects.journal import JournalPort
from everyturn.world.objects.model import ModelPort
from everyturn.world.objects.mutex import MutexPort
from everyturn.world.objects.queue import QueuePort
from everyturn.world.objects.store import StorePort
from everyturn.world.objects.threads import ThreadsPort
from everyturn.world.objects.titles import TitlesPort
from everyturn_impl.ports import Ports


def ports_for(gate: Gate) -> Ports:
    """All ports of one world."""
    signatures.prepare()
    return Ports(
        mutex=MutexPort(gate),
        active=ActivePort(gate),
        queue=QueuePort(gate),
        reservations=ReservationsPort(gate),
        mark=MarkPort(gate),
        contexts=ContextsPort(gate),
        store=StorePort(gate),
        model=ModelPort(gate),
        titles=TitlesPort(gate),
        broker=BrokerPort(gate),
        hooks=HooksPort(gate),
        threads=ThreadsPort(gate),
        closing=ClosingPort(gate),
        journal=JournalPort(gate),
    )
