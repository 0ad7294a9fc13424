"""The calls of one run of a session, and what was seen of it from outside: who was called, asked, answered and told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from weakref import ref

from everyturn.asyncio.runtime.findings import ScenarioFinding
from everyturn.asyncio.runtime.outside import ErrorBudget, OutsideCall
from everyturn.asyncio.runtime.places import raised_at, user_line
from everyturn.asyncio.runtime.services import prompts_in
from everyturn.asyncio.states.encoding import known
from everyturn.errors import AgentFault
from everyturn.sessions.adapter import LATER, Held, PromptRefused, Session, UserPrompt, shows_itself
from everyturn.sessions.mistakes import fault_of, method
from everyturn.world.answers import answered
from everyturn.world.scope import Scope

if TYPE_CHECKING:
    from everyturn.asyncio.runtime.world import ScenarioWorld

METHODS: Final = {"c": "cancel", "q": "clear", "x": "shut_down"}
"""First letter of an operation's name → the adapter's method."""


def calls_of(scope: Scope) -> list[tuple[str, str]]:
    """The calls that clients make in a scope, each with its name, and the adapter's method that it is."""
    prompts = [(f"p{number}", "submit") for number in range(1, len(scope.prompts) + 1)]
    counts = {"c": scope.cancels, "q": scope.clears, "x": scope.shutdown}
    others = [(f"{each}{number}", METHODS[each]) for each in METHODS for number in range(1, counts[each] + 1)]
    return [*prompts, *others]


class Observed(NamedTuple):
    """One thing that was seen. ``name``: the prompt or operation, ``thread``: the task, ``others``: further prompts."""

    what: str
    name: str = ""
    thread: str | None = None
    outcome: str | None = None
    others: tuple[str, ...] = ()
    run_id: bool = False

    def __str__(self) -> str:
        who = ", ".join(self.others)
        match self.what:
            case "asked":
                return f"the model is asked for {who}"
            case "answered":
                return f"stream {self.name} has {self.outcome}"
            case "wrote":
                return f"{'the store refuses' if self.outcome else 'the store has'} the text of {who}"
            case "told":
                return f"{self.name} is told: {self.outcome}" + (f", with the answer of {who}" if who else "")
            case "busy":
                return f"the turn of {self.name} is active" if self.name else "no turn is active"
        return _WORDS[self.what].format(self.name, who)


_WORDS: Final = {
    "submit": "{0} is given to the agent",
    "refused": "{0} is refused",
    "folded": "{0} is folded into the turn of {1}",
    "queued": "{0} is in the queue",
    "gone": "{0} is not in the queue any more",
    "call": "{0} is called",
    "return": "{0} has returned",
}


def call_of(name: str) -> str:
    """The task of a client's call, as a thread is called."""
    return f"the call of {name}"


class Calls:
    """What clients call in one run, and what is seen of that: a
    :class:`~everyturn.asyncio.runtime.services.SessionOnlooker`.

    ``open``: the calls that have begun and not returned, each with its task. A completion is handed over when the task
    that waits for it is woken for the last time: until it returns, that is noted as ``woken``, and from then on as
    ``handed``.
    """

    def __init__(self, world: ScenarioWorld, session: Session, scope: Scope) -> None:
        self.world = world
        self.session = session
        self.scope = scope
        self.observed: list[Observed] = []
        self.open: dict[str, asyncio.Task[Any]] = {}
        self.errors = ErrorBudget(scope.errors)
        self.left = len(scope.prompts) + scope.cancels + scope.clears + scope.shutdown
        self.over = world.loop.create_future()
        self.begun = False
        self.asks = 0
        self.taken: set[str] = set()
        self.told_by_adapter = False
        self.fault: AgentFault | None = None
        self._threads: list[ref[asyncio.Task[Any]]] = []
        self._labels: list[str] = []
        self._look = Held()
        self._shown: tuple[object, ...] | None = None
        """What the adapter showed when it was last looked at, as it showed it."""
        self._agents = False
        """Whether the callback that runs is the agent's own."""
        self._shows = shows_itself(type(session))

    # what clients do

    def begin(self) -> None:
        """From now on clients call. Those of one kind come one after another, and are named in that order."""
        self.begun = True
        prompts = [(f"p{number}", letter) for number, letter in enumerate(self.scope.prompts, 1)]
        for kind in dict.fromkeys(self.scope.prompts):
            self._come([(name, partial(self._submit, name, letter)) for name, letter in prompts if letter == kind])
        for letter in METHODS:
            names = [name for name, _ in calls_of(self.scope) if name[0] == letter]
            self._come([(name, partial(self._operate, name)) for name in names])

    def _come(self, calls: Sequence[tuple[str, Callable[[], Any]]]) -> None:
        numbers = [name for name, _ in calls_of(self.scope)]
        following: tuple[OutsideCall, ...] = ()
        for name, call in reversed(calls):
            what = "is submitted" if name[0] == "p" else f"({METHODS[name[0]]}) is called"
            number = numbers.index(name)
            following = (OutsideCall(f"{name} {what}", partial(self._start, name, call), following, number=number),)
        self.world.answers += following

    def _start(self, name: str, call: Callable[[], Any]) -> None:
        self.open[name] = self.world.loop.create_task(call(), name=name)

    async def _submit(self, name: str, letter: str) -> None:
        self._note(Observed("submit", name, run_id=letter.isupper()))
        try:
            answer = await self.session.submit(UserPrompt(name, f"prompt:{name}"))
            if answer is not LATER:
                self._tell(name, "finished", self._text(name, answer))
        except asyncio.CancelledError:
            self._tell(name, "cancelled")
        except PromptRefused:
            self._note(Observed("refused", name))
        except Exception as error:  # noqa: BLE001 # it is what the client is told
            self._blame(fault_of(error, type(self.session)))
            self._tell(name, "failed")
        self._ended(name)

    async def _operate(self, name: str) -> None:
        self._note(Observed("call", name))
        try:
            await getattr(self.session, METHODS[name[0]])()
        except asyncio.CancelledError:
            pass
        except Exception as error:  # noqa: BLE001 # a finding
            self._blame(fault_of(error, type(self.session)))
            sentence = f"{METHODS[name[0]]} ({name}) raised {error!r}"
            self.world.failures.append(ScenarioFinding("error", sentence, raised_at(error)))
        self._note(Observed("return", name))
        self._ended(name)

    def _ended(self, name: str) -> None:
        if self.world.settled:
            return
        del self.open[name]
        self.left -= 1
        if not self.left and not self.over.done():
            self.over.set_result(None)

    def _text(self, name: str, answer: Any) -> str:
        if any(each[:2] == ("told", name) for each in self.observed):
            raise self._blame(
                AgentFault(
                    f"{method(self.session, 'submit')}: submit: expected self.later where self.told tells the "
                    f"answer; found {answer!r:.60} besides"
                )
            )
        if isinstance(answer, str):
            return answer
        raise self._blame(
            AgentFault(
                f"{method(self.session, 'submit')}: submit: expected the answer as text; found {answer!r:.60}. Raise "
                "asyncio.CancelledError if the prompt was cancelled, everyturn.PromptRefused if it was refused; return "
                "self.later if the answer comes by self.told(prompt, answer)"
            )
        )

    # what an adapter tells

    def told(self, prompt: Any, answer: str | None, *, cancelled: bool, failed: bool) -> None:
        """A completion is handed over by the task that runs now."""
        name = self._named(prompt, "told")
        self.told_by_adapter = True
        if (answer is not None) + cancelled + failed != 1 or not isinstance(answer, str | None):
            raise self._blame(
                AgentFault(
                    f"{user_line()}: told: expected the answer as text, cancelled=True or failed=True; found "
                    f"{answer!r:.60}, cancelled={cancelled}, failed={failed}"
                )
            )
        outcome = "cancelled" if cancelled else "failed" if failed else "finished"
        self._note(Observed("told", name, self._thread(), outcome, self._owner(name, answer)))

    def folded(self, prompt: Any, into: Any) -> None:
        """A prompt goes on in the turn of another one."""
        self._note(Observed("folded", self._named(prompt, "folded"), others=(self._named(into, "folded"),)))

    def _named(self, prompt: Any, what: str) -> str:
        names = [prompt.name] if isinstance(prompt, UserPrompt) else prompts_in(prompt)
        if len(names) == 1:
            return names[0]
        raise self._blame(
            AgentFault(
                f"{user_line()}: {what}: expected a prompt, or its text such as 'prompt:p1'; found {prompt!r:.60}"
            )
        )

    def _blame(self, fault: AgentFault | None) -> AgentFault:
        """Remember what the adapter did wrong: it is raised as soon as no code of the program can catch it."""
        self.fault = self.fault or fault
        return self.fault or AgentFault("")

    # what is seen

    def asked(self, prompts: Sequence[str], request: object) -> int:
        """The model is asked."""
        if not prompts:
            raise self._blame(
                AgentFault(
                    f"{user_line()}: the model is asked {request!r:.60}: expected the text of a prompt in it, such as "
                    "'prompt:p1'; for what else a model is asked (a title, say) use world.io(...)"
                )
            )
        self.asks += 1
        self._note(Observed("asked", str(self.asks), self._thread(), others=tuple(prompts)))
        return self.asks

    def answered(self, stream: int, how: str) -> None:
        """A stream has ended."""
        self._note(Observed("answered", str(stream), outcome=how))

    def wrote(self, prompts: Sequence[str], *, failed: bool) -> None:
        """Texts of prompts are in the store, or not."""
        if self.session.stores_prompts:
            self._note(Observed("wrote", outcome="failed" if failed else None, others=tuple(prompts)))

    def steps(self, handle: Any) -> None:
        """Whose code runs next."""
        self._agents = _is_agents(handle)

    def becomes_ready(self, handle: Any) -> None:
        """If it wakes a client that waits for an answer, that may be what hands the answer over: if code of the agent
        does it, and not the outside world or asyncio itself."""
        task = getattr(handle._callback, "__self__", None)
        if isinstance(task, asyncio.Task) and self.open.get(task.get_name()) is task:
            name = task.get_name()
            if name[0] == "p":
                self._forget_wake(name)
                if asyncio.current_task(self.world.loop) is not None or self._agents:
                    self.observed.append(Observed("woken", name, self._thread()))

    def look(self) -> None:
        """Between two steps: what the session holds now, where the adapter shows it."""
        if self.fault is not None:
            raise self.fault
        if not (self._shows and self.begun):
            return
        look = self._looked()
        if look is self._look or look == self._look:
            return
        added = [name for name in look.queue if name not in self._look.queue]
        gone = [name for name in self._look.queue if name not in look.queue]
        found = [Observed("gone", name) for name in gone] + [Observed("queued", name) for name in added]
        if look.busy != self._look.busy:
            found.append(Observed("busy", look.busy if isinstance(look.busy, str) else "somebody" * bool(look.busy)))
        for each in found:
            self.world.seen(each)
        self.observed += found
        self._look = look

    def _looked(self) -> Held:
        """What the adapter shows, with the names of prompts. Raises :class:`AgentFault` for what is no look."""
        try:
            found = self.session.look()
        except Exception as error:
            raise AgentFault(
                f"{raised_at(error)}: look: expected it to raise nothing; found {type(error).__name__}: {error}"
            ) from error
        if not isinstance(found, Held):
            raise self._wrong_look("everyturn.Held(busy=…, queue=[…])", found)
        queue = list(found.queue)
        shown = (found.busy, *queue)
        if shown == self._shown and all(map(_is_plain, shown)):
            return self._look
        names = [prompts_in(each) for each in queue]
        wrong = [each for each, name in zip(queue, names, strict=True) if len(name) != 1]
        if wrong:
            raise self._wrong_look("the texts of prompts in the queue, such as 'prompt:p1'", wrong[0])
        busy = prompts_in(found.busy) if isinstance(found.busy, str) else []
        self._shown = shown
        return Held(busy[0] if busy else bool(found.busy), tuple(name for (name,) in names))

    def _wrong_look(self, expected: str, found: object) -> AgentFault:
        return AgentFault(f"{method(self.session, 'look')}: look: expected {expected}; found {found!r:.60}")

    @property
    def snapshot(self) -> Held | None:
        """What the session holds, where the adapter shows it."""
        return self._look if self._shows else None

    def _note(self, observed: Observed) -> None:
        if self.world.settled:
            return
        task = asyncio.current_task(self.world.loop)
        if task is not None:
            self._forget_wake(task.get_name())
        self.world.seen(observed)
        self.observed.append(observed)

    def _forget_wake(self, name: str) -> None:
        for place in range(len(self.observed) - 1, -1, -1):
            if self.observed[place][:2] == ("woken", name):
                del self.observed[place]
                return

    def _tell(self, name: str, outcome: str, text: str | None = None) -> None:
        """A call returns. Its completion was handed over by whoever woke it last, or else it returns by itself."""
        for place, each in enumerate(self.observed):
            if each[:2] == ("woken", name):
                self.observed[place] = each._replace(what="handed")
        self._note(Observed("told", name, call_of(name), outcome, self._owner(name, text)))

    def _owner(self, name: str, text: str | None) -> tuple[str, ...]:
        owner = answered(text, name)
        return () if owner is None else (owner,)

    def _thread(self) -> str | None:
        """The task that runs now, by a name that no other one has."""
        task = asyncio.current_task(self.world.loop)
        if task is None:
            return None
        if self.open.get(task.get_name()) is task:
            return call_of(task.get_name())
        for place, each in enumerate(self._threads):
            if each() is task:
                return self._labels[place]
        label = getattr(task.get_coro(), "__qualname__", "task")
        same = sum(each.split("#")[0] == label for each in self._labels)
        self._threads.append(ref(task))
        self._labels.append(f"{label}#{same + 1}" if same else label)
        return self._labels[-1]


def _is_plain(shown: object) -> bool:
    """Whether what was shown is what it is equal to."""
    return shown is None or type(shown) is str or type(shown) is bool


def _is_agents(handle: Any) -> bool:
    """Whether a callback that runs is the agent's own code."""
    callback = getattr(handle, "_callback", None)
    while isinstance(callback, partial):
        callback = callback.func
    module = str(getattr(callback, "__module__", None) or "asyncio")
    return module.partition(".")[0] not in ("asyncio", "everyturn")


@lru_cache(16_384)
def _text_of(observed: Observed) -> str:
    return repr(observed)


known(
    Calls,
    by=lambda calls: (
        "\n".join(map(_text_of, calls.observed)),
        repr((calls._labels, calls._look, calls.begun, sorted(calls.taken), calls.told_by_adapter)),
        calls.session,
        calls.open,
        calls.errors,
        calls.over,
        calls._threads,
    ),
)
