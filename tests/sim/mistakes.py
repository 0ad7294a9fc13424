"""Dispatchers with one mistake each, as users make them; the line that is to blame ends in ``# !``.

``SAID`` is what must be told of it, beside that line; ``SCOPE`` a scope in which the mistake is made.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import subprocess
import threading
import time
from collections.abc import AsyncIterator
from types import ModuleType
from typing import Any

from everyturn_impl.calls import Call, Completion, Context
from everyturn_impl.ports import Ports


def marked(agent: type, module: ModuleType) -> str | None:
    """The place of the line of an agent, or of its object, that is marked; none if no line is."""
    lines = inspect.getsource(module).splitlines()
    elsewhere = [number for number, line in enumerate(lines, 1) if line.endswith(f"# ! of {agent.__name__}")]
    own, first = inspect.getsourcelines(agent)
    here = [first + number for number, line in enumerate(own) if line.rstrip().endswith("# !")]
    found = elsewhere or here
    assert len(found) <= 1
    return f"{module.__file__}:{found[0]}" if found else None


class Mistake:
    """Accepts a prompt, and tells its client at once; what is wrong is for a subclass to do."""

    SCOPE = "A"
    SAID = ""

    def __init__(self, ports: Ports, *, direct: bool = False, **own: Any) -> None:
        self.ports: Any = ports
        self.own_objects = tuple(own.values())

    async def submit(self, call: Call) -> Any:
        return call

    async def serve(self, call: Call, caller: Context) -> None:
        await self.ports.threads.start(call.prompt)
        await self.wrong(call, caller)
        await self.ports.broker.publish(Completion(call.prompt, call.run_id), None)

    async def wrong(self, call: Call, caller: Context) -> Any:
        pass

    async def cancel(self) -> None:
        pass


# what ports are given ------------------------------------------------------------------------------------------------


class QueuesACall(Mistake):
    SAID = "queue.set is given a Call: expected a tuple of Calls, (it,) if it is but one as calls"

    async def wrong(self, call: Call, caller: Context) -> None:
        await self.ports.queue.set(call)  # !


class QueuesAList(Mistake):
    SAID = "queue.set is given a list: expected a tuple of Calls"

    async def wrong(self, call: Call, caller: Context) -> None:
        await self.ports.queue.set([call])  # !


class QueuesNames(Mistake):
    SAID = "queue.set is given 'p1' (str): expected a Call"

    async def wrong(self, call: Call, caller: Context) -> None:
        await self.ports.queue.set((call.prompt,))  # !


class MarksNone(Mistake):
    SAID = "mark.set is given None: expected an int as mark; mark.delete removes the mark"

    async def wrong(self, call: Call, caller: Context) -> None:
        await self.ports.mark.set(None)  # !


class MarksTrue(Mistake):
    SAID = "mark.set is given True: expected an int"

    async def wrong(self, call: Call, caller: Context) -> None:
        await self.ports.mark.set(True)  # !


class PublishesAName(Mistake):
    SAID = "broker.publish is given 'p1' (str): expected a Completion as completion"

    async def wrong(self, call: Call, caller: Context) -> None:
        await self.ports.broker.publish(call.prompt, None)  # !


class PublishesWithoutContext(Mistake):
    SAID = "missing 1 required positional argument: 'context'"

    async def wrong(self, call: Call, caller: Context) -> None:
        await self.ports.broker.publish(Completion(call.prompt, call.run_id))  # !


class NumbersRuns(Mistake):
    SAID = "broker.publish is given a Completion whose run_id is 7 (int): expected a str or None"

    async def wrong(self, call: Call, caller: Context) -> None:
        await self.ports.broker.publish(Completion(call.prompt, 7), None)  # type: ignore[arg-type] # !


class AnswersHalfACharacter(Mistake):
    SAID = "whose text is '\\ud83d': expected text; found half a surrogate pair"

    async def wrong(self, call: Call, caller: Context) -> None:
        await self.ports.broker.publish(Completion(call.prompt, call.run_id, None, "\ud83d"), None)  # !


class AnswersWithAnError(Mistake):
    SAID = "whose fault is a ValueError: expected a Fault or None"

    async def wrong(self, call: Call, caller: Context) -> None:
        completion = Completion(call.prompt, call.run_id, fault=ValueError("no"))  # type: ignore[arg-type]
        await self.ports.broker.publish(completion, None)  # !


class NotifiesAnError(Mistake):
    SAID = "broker.notify_error is given a TimeoutError: expected a Fault as fault"

    async def wrong(self, call: Call, caller: Context) -> None:
        await self.ports.broker.notify_error(call, TimeoutError(), run_id=True)  # !


class ActivatesNothing(Mistake):
    SAID = "active.set is given None: expected a Context as work; active.delete makes the session idle"

    async def wrong(self, call: Call, caller: Context) -> None:
        await self.ports.active.set(None)  # !


class StoresForNobody(Mistake):
    SAID = "store.write_user is given 'user' (str): expected 'turn' or 'fold' or 'cancel_on_entry' as by"

    async def wrong(self, call: Call, caller: Context) -> None:
        await self.ports.store.write_user(None, call, "user", caller.turn(call.prompt))  # !


class StoresAName(Mistake):
    SAID = "store.write_user is given 'p1' (str): expected a Call as call"

    async def wrong(self, call: Call, caller: Context) -> None:
        await self.ports.store.write_user(None, call.prompt, "turn", caller.turn(call.prompt))  # !


class EndsNoStream(Mistake):
    SAID = "model.end is given None: expected a Stream as stream"

    async def wrong(self, call: Call, caller: Context) -> None:
        await self.ports.model.end(None)  # !


class KeepsWithoutHook(Mistake):
    SAID = "hooks.keep is given None: expected a str as hook; a call without a hook goes straight to broker.publish"

    async def wrong(self, call: Call, caller: Context) -> None:
        await self.ports.hooks.keep(call.hook, Completion(call.prompt, call.run_id))  # !


class DropsForAReason(Mistake):
    SAID = "journal.dropped is given 'cancelled' (str): expected 'covered' or 'cleared' as reason"

    async def wrong(self, call: Call, caller: Context) -> None:
        self.ports.journal.dropped(call, "cancelled")  # !


class FoldsAName(Mistake):
    SAID = "journal.folded is given 'p1' (str): expected a Call as call"

    async def wrong(self, call: Call, caller: Context) -> None:
        self.ports.journal.folded(call.prompt, caller)  # !


class SwallowsWhatWasWrong(Mistake):
    SAID = "mark.set is given 'late' (str): expected an int as mark"

    async def wrong(self, call: Call, caller: Context) -> None:
        with contextlib.suppress(Exception):
            await self.ports.mark.set("late")  # !


class NoSuchMethod(Mistake):
    SAID = "AttributeError(\"'QueuePort' object has no attribute 'append'\")"

    async def wrong(self, call: Call, caller: Context) -> None:
        await self.ports.queue.append(call)  # !


# what is not awaited, or no port
# ---------------------------------------------------------------------------------------


class ForgetsToAwait(Mistake):
    SAID = "queue.delete is called and not awaited, so that nothing is done: expected await queue.delete(…)"

    async def wrong(self, call: Call, caller: Context) -> None:
        self.ports.queue.delete()  # !


class ForgetsToAwaitAtTheEnd(Mistake):
    SAID = "broker.publish is called and not awaited"

    async def serve(self, call: Call, caller: Context) -> None:
        await self.ports.threads.start(call.prompt)
        self.ports.broker.publish(Completion(call.prompt, call.run_id), None)  # !


class ComparesWithoutAwait(Mistake):
    SAID = "mark.get is called and not awaited"

    async def wrong(self, call: Call, caller: Context) -> None:
        if self.ports.mark.get() == 0:  # !
            await self.ports.mark.set(1)


class ForgetsToAwaitItsOwn(Mistake):
    SAID = "ForgetsToAwaitItsOwn.clear is called and not awaited, so that nothing is done"

    async def clear(self) -> None:
        await self.ports.queue.delete()

    async def wrong(self, call: Call, caller: Context) -> None:
        self.clear()  # type: ignore[unused-coroutine] # !


class CallsInItsConstructor(Mistake):
    SAID = "active.get is called and not awaited"

    def __init__(self, ports: Ports, *, direct: bool = False) -> None:
        super().__init__(ports)
        self.active = ports.active.get()  # !


class SleepsAWhile(Mistake):
    SAID = (
        "asyncio.sleep has no event loop here (RuntimeError: no running event loop): expected every await to lead "
        "to a port"
    )

    async def wrong(self, call: Call, caller: Context) -> None:
        await asyncio.sleep(0.01)  # !


class SleepsNot(Mistake):
    SAID = "waits for something that is no port and yields None: expected every await to lead to a port"

    async def wrong(self, call: Call, caller: Context) -> None:
        await asyncio.sleep(0)  # !


class MakesATask(Mistake):
    SAID = "asyncio.create_task has no event loop here"

    async def wrong(self, call: Call, caller: Context) -> None:
        task = asyncio.create_task(self.ports.queue.delete())  # !
        await task


class MakesATaskOfItsOwn(Mistake):
    SAID = "asyncio.create_task has no event loop here"

    async def clear(self) -> None:
        await self.ports.queue.delete()

    async def wrong(self, call: Call, caller: Context) -> None:
        await asyncio.create_task(self.clear())  # !


class HasATaskGroup(Mistake):
    SAID = "asyncio.TaskGroup has no event loop here"

    async def wrong(self, call: Call, caller: Context) -> None:
        async with asyncio.TaskGroup() as group:  # !
            group.create_task(self.cancel())


class Gathers(Mistake):
    SAID = "expected every await to lead to a port"  # with a loop of an earlier program, or with none

    async def wrong(self, call: Call, caller: Context) -> None:
        await asyncio.gather(self.cancel(), self.cancel())  # !


class WaitsForALimit(Mistake):
    SAID = "asyncio.wait_for has no event loop here"

    async def wrong(self, call: Call, caller: Context) -> None:
        await asyncio.wait_for(self.cancel(), 1)  # !


LOCK = asyncio.Lock()


class HoldsALock(Mistake):
    SAID = "asyncio.Lock has no event loop here"
    SCOPE = "AA"

    async def wrong(self, call: Call, caller: Context) -> None:
        lock = asyncio.Lock()
        await lock.acquire()
        await lock.acquire()  # !


class WaitsForAnEvent(Mistake):
    SAID = "asyncio.Event has no event loop here"

    async def wrong(self, call: Call, caller: Context) -> None:
        await asyncio.Event().wait()  # !


class WaitsForAQueue(Mistake):
    SAID = "asyncio.Queue has no event loop here"

    async def wrong(self, call: Call, caller: Context) -> None:
        await asyncio.Queue[int]().get()  # !


class BlocksEverybody(Mistake):
    SAID = "time.sleep, in a step: expected every await to lead to a port"

    async def wrong(self, call: Call, caller: Context) -> None:
        time.sleep(0.01)  # !


class StartsAThread(Mistake):
    SAID = "a thread is started, in a step"

    async def wrong(self, call: Call, caller: Context) -> None:
        threading.Thread(target=print, daemon=True).start()  # !


class StartsAProcess(Mistake):
    SAID = "a process is started, in a step"

    async def wrong(self, call: Call, caller: Context) -> None:
        subprocess.run(["true"], check=False)  # !


class AsksAGenerator(Mistake):
    SAID = "waits for a async_generator_asend, which cannot be looked into: expected coroutines"

    async def marks(self) -> AsyncIterator[int]:
        yield await self.ports.mark.get()

    async def wrong(self, call: Call, caller: Context) -> None:
        async for mark in self.marks():  # !
            await self.ports.mark.set(mark)
