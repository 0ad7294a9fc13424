"""A dispatcher as an actor: one owner decides for all, the other threads post it letters and wait for the answers.

    everyturn check --agent examples.agents.actor:Actor --scope AA+1c

The owner is a thread of the dispatcher's own (:meth:`Actor.attend`). It alone changes the queue and the active entry,
one letter after the other, so there is nothing to lock, and it need not even look; it never runs a turn, so nobody
waits for a stream. The order of the letters is the order of all decisions: a Cancel reaches the prompts whose letters
came before its own. No retry, no summaries. After Hewitt, Bishop, Steiger: A universal modular ACTOR formalism (IJCAI
1973).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from examples.agents.turns import Turns

from everyturn_impl.calls import Call, Context
from everyturn_impl.errors import Refused
from everyturn_impl.ports import Ports, Shared


@dataclass(frozen=True, slots=True)
class Submit:
    """Queue ``call``. Answer: the call if it is refused."""

    call: Call


@dataclass(frozen=True, slots=True)
class Next:
    """``caller`` has left a turn, or comes for its first. Answer: the call to run, which is active from now on."""

    caller: Context
    left: Context | None = None


@dataclass(frozen=True, slots=True)
class Fold:
    """``turn`` prepares a step. Answer: a call to fold into it."""

    turn: Context


@dataclass(frozen=True, slots=True)
class Drop:
    """Empty the queue, and ``cancel`` what is active. Answer: the calls that were queued."""

    cancel: bool


Letter = Submit | Next | Fold | Drop
Answer = tuple[Call, ...]


@dataclass(frozen=True, slots=True)
class Mailbox:
    """Letters in the order of their posting, answers in that of their tickets; ``out`` are the tickets that are not
    back."""

    letters: tuple[tuple[int, Letter], ...] = ()
    answers: tuple[tuple[int, Answer], ...] = ()
    out: frozenset[int] = frozenset()

    def post(self, letter: Letter) -> tuple[int, Mailbox]:
        """Post a letter; the ticket for its answer."""
        ticket = min(set(range(len(self.out) + 1)) - self.out)
        return ticket, replace(self, letters=(*self.letters, (ticket, letter)), out=self.out | {ticket})

    def take(self) -> tuple[tuple[int, Letter], Mailbox] | None:
        """Take the oldest letter; waits for one."""
        return (self.letters[0], replace(self, letters=self.letters[1:])) if self.letters else None

    def answer(self, ticket: int, answer: Answer) -> tuple[None, Mailbox]:
        """Put an answer into the box."""
        before = [pair for pair in self.answers if pair[0] < ticket]
        after = [pair for pair in self.answers if pair[0] > ticket]
        return None, replace(self, answers=(*before, (ticket, answer), *after))

    def collect(self, ticket: int) -> tuple[Answer, Mailbox] | None:
        """Take the answer for a ticket and give the ticket back; waits for it."""
        for pair in self.answers:
            if pair[0] == ticket:
                others = tuple(each for each in self.answers if each[0] != ticket)
                return pair[1], replace(self, answers=others, out=self.out - {ticket})
        return None


@dataclass(frozen=True, slots=True)
class Desk:
    """What the owner knows by heart, since nobody else changes it: what is queued, and what is active."""

    queued: tuple[Call, ...] = ()
    active: Context | None = None


class Actor(Turns):
    """One session's dispatcher; its mailbox is the only object that threads fight for."""

    own = {"mailbox": Mailbox()}  # noqa: RUF012 - nobody changes it

    def __init__(self, ports: Ports, *, direct: bool = False, mailbox: Shared[Mailbox]) -> None:
        super().__init__(ports)
        self.mailbox = mailbox

    # the owner ---------------------------------------------------------------------------------------------------

    async def attend(self) -> None:
        """Answer letters, for ever."""
        desk = Desk()
        while True:
            ticket, letter = await self.mailbox.wait(Mailbox.take)
            answer, desk = await self.decide(letter, desk)
            await self.mailbox.do(Mailbox.answer, ticket, answer)

    async def decide(self, letter: Letter, desk: Desk) -> tuple[Answer, Desk]:
        """What becomes of a letter. Nobody else decides anything meanwhile."""
        if isinstance(letter, Submit):
            return await self.admit(letter.call, desk)
        if isinstance(letter, Next):
            return await self.choose(letter.caller, letter.left, desk)
        if isinstance(letter, Fold):
            return await self.choose_fold(letter.turn, desk)
        return await self.drop(desk, cancel=letter.cancel)

    async def admit(self, call: Call, desk: Desk) -> tuple[Answer, Desk]:
        """Queue a call, unless the workspace is closing."""
        if await self.ports.closing.get():
            return (call,), desk
        queued = (*desk.queued, call)
        await self.ports.queue.set(queued)
        return (), replace(desk, queued=queued)

    async def choose(self, caller: Context, left: Context | None, desk: Desk) -> tuple[Answer, Desk]:
        """Leave a turn, if there is one to leave; make the oldest queued call active, if nothing is."""
        if left is not None:
            await self.ports.active.delete(left)
        elif desk.active is not None:
            return (), desk
        if not desk.queued:
            return (), Desk()
        turn = caller.turn(desk.queued[0].prompt)
        await self.ports.queue.set(desk.queued[1:])
        await self.ports.active.set(turn)
        return desk.queued[:1], Desk(desk.queued[1:], turn)

    async def choose_fold(self, turn: Context, desk: Desk) -> tuple[Answer, Desk]:
        """Take the oldest call for which nobody waits out of the queue, unless the turn is cancelled."""
        foldable = tuple(call for call in desk.queued if call.run_id is None)[:1]
        if not foldable or await self.ports.contexts.done(turn):
            return (), desk
        kept = tuple(call for call in desk.queued if call not in foldable)
        await self.ports.queue.set(kept)
        self.ports.journal.folded(foldable[0], turn)
        return foldable, replace(desk, queued=kept)

    async def drop(self, desk: Desk, *, cancel: bool) -> tuple[Answer, Desk]:
        """Empty the queue, and cancel what is active if that is asked for."""
        if cancel and desk.active is not None:
            await self.ports.contexts.cancel(desk.active)
        if desk.queued:
            await self.ports.queue.delete()
            for call in desk.queued:
                self.ports.journal.dropped(call, "covered" if cancel else "cleared")
        return desk.queued, replace(desk, queued=())

    # the others --------------------------------------------------------------------------------------------------

    async def ask(self, letter: Letter) -> Answer:
        """Post a letter and wait for its answer."""
        return await self.mailbox.wait(Mailbox.collect, await self.mailbox.do(Mailbox.post, letter))

    async def submit(self, call: Call) -> Call:
        """Have ``call`` queued."""
        if await self.ask(Submit(call)):
            raise Refused(call.prompt, "the workspace is closing")
        return call

    async def serve(self, call: Call, caller: Context) -> None:
        """Run whatever the owner says."""
        await self.ports.threads.start(call.prompt)
        await self.run_queued(caller)

    async def run_local(self, call: Call, caller: Context) -> None:
        """The same on the caller's own thread."""
        await self.submit(call)
        await self.run_queued(caller)

    async def run_queued(self, caller: Context) -> None:
        """Ask for a call, run its turn, and again."""
        left: Context | None = None
        answer = await self.ask(Next(caller))
        while answer:
            left = caller.turn(answer[0].prompt)
            await self.run_turn(answer[0], left)
            caller = caller.next_hop()
            answer = await self.ask(Next(caller, left))

    async def take_in(self, host: Call, turn: Context) -> Call | None:
        """Ask for a call to fold."""
        for call in await self.ask(Fold(turn)):
            return call
        return None

    async def cancel(self) -> None:
        """Have everything dropped; tell the waiters."""
        await self.tell_dropped(await self.ask(Drop(cancel=True)))

    async def clear_queue(self) -> None:
        """Have the queue emptied; tell the waiters."""
        await self.tell_dropped(await self.ask(Drop(cancel=False)))

    async def shut_down(self, workspace: Context) -> None:
        """Refuse, cancel, wait."""
        await self.ports.closing.set()
        await self.cancel()
        await self.ports.contexts.cancel(workspace)
        await self.ports.threads.join_all()


class LooksForItself(Actor):
    """Wrong on purpose: a Cancel looks by itself at what is active, and only then posts its letter.

    A prompt that is queued at the look and active when the letter is read is in neither place: its cancel is lost.
    """

    async def cancel(self) -> None:
        """Cancel what is active, then have the queue emptied."""
        active = await self.ports.active.get()
        if active is not None:
            await self.ports.contexts.cancel(active)
        await self.tell_dropped(await self.ask(Drop(cancel=False)))
