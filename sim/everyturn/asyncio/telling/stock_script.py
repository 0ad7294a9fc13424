"""A recorded run as a script for asyncio's own event loop, which the user can run without this project."""

from __future__ import annotations

import inspect
import platform
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from pathlib import Path
from pprint import pformat
from selectors import EVENT_READ, EVENT_WRITE
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from weakref import ref

from everyturn.asyncio.connections import selector
from everyturn.asyncio.connections.network import Network
from everyturn.asyncio.connections.sockets import WorldSocket
from everyturn.asyncio.control import drawn_ids
from everyturn.asyncio.control.preparing import prepared
from everyturn.asyncio.order import called
from everyturn.asyncio.runtime import services
from everyturn.asyncio.runtime.decisions import ByWords, Decision
from everyturn.asyncio.runtime.places import OURS
from everyturn.asyncio.runtime.running import Scenario, ScenarioOutcome, Setting, run
from everyturn.asyncio.runtime.scenarios import find, name_of, parts_of
from everyturn.asyncio.telling import stock_comparison, stock_connections, stock_driver, stock_imports, stock_places
from everyturn.errors import UsageError
from everyturn.files.writing import written

if TYPE_CHECKING:
    from everyturn.asyncio.telling.explaining import ExplainedScenario

_FILLED: Final = "# what follows is the same for every run\n"
_FIRST: Final = "from __future__ import annotations"
_NOT_PYTHONS: Final = ("from everyturn.", "from __future__")

_MAIN: Final = 'if __name__ == "__main__":\n'
_SERVICES: Final = """from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from typing import Final, Protocol

{classes}

ScriptedWorld.model = lambda world, *, pieces=1: WorldModel(world, pieces)
ScriptedWorld.store = lambda world: WorldStore(world)


"""

_HEAD: Final = '''"""Makes one run of {name} on asyncio's own event loop: {finding}

Run it from the folder from which that module can be imported: python {file}
It ends with 0 if the program does what was recorded, with 3 if it does anything else. Recorded on Python {version};
another version may run the steps of asyncio itself in another order.

Nothing of the program or of asyncio is changed. Scripted are what the selector reports and when, what the clock
shows{threads}{sets}{sockets}.
"""
'''


_ENDPOINT: Final = """import json
from collections.abc import Awaitable
from functools import cache

import httpx

{classes}


"""


class ScriptPart(NamedTuple):
    """What a workload needs besides in a script. ``constants``: by their names, each with its type, value and comment;
    ``source``: what follows the driver, :func:`~everyturn.asyncio.telling.stock_driver.as_program` among it;
    ``noted``: what it notes of something that is seen, if anything."""

    constants: Mapping[str, tuple[str, Any, str]]
    source: str
    noted: Callable[[object], str | None]


_PLAIN: Final = ScriptPart({}, "", lambda seen: None)


_CALLS: Final = (
    "recv", "send", "accept", "connect", "bind", "shutdown", "getsockopt", "getsockname", "getpeername",
)  # fmt: skip
"""What of a socket is asked, and depends on the world."""


def _answering(call: Callable[..., Any], answers: list[tuple[str, Any]]) -> Callable[..., Any]:
    """The same call, which notes what it gives: of a socket that was accepted its address alone."""

    def answering(*given: Any, **options: Any) -> Any:
        try:
            found = call(*given, **options)
        except OSError as error:
            answers.append(("raises", error.errno))
            raise
        answers.append(("gives", found[1] if call.__name__ == "accept" else found))
        return found

    return answering


class _Recorder(ByWords):
    """Follows the words of a run, and remembers what the world did, and when."""

    def __init__(self, recorded: Sequence[tuple[str, str]], part: ScriptPart) -> None:
        super().__init__(recorded)
        self._part = part
        self.selects: dict[int, list[tuple[str, int, int]]] = defaultdict(list)
        self.moments: dict[int, list[tuple[str, int, int]]] = defaultdict(list)
        self.rests: list[int] = []
        self.times: list[float] = []
        self._labels: list[str] = []
        self._chains: list[list[str]] = []
        self.noted: list[str] = []
        self.standing: list[str] = []
        self.fine = self.calls_for_sockets = False
        self.given: set[str] = set()
        self.sockets: list[dict[str, list[tuple[str, Any]]]] = []
        self.resolved: list[tuple[str, int]] = []
        self._world: Callable[[], Any] = lambda: None

    def begin(self, world: Any) -> None:
        """A run begins, in this world."""
        self._world = ref(world)
        numbers, following = world.numbers, world.numbers.next

        def remembered(name: str) -> tuple[str, int | None]:
            label, number = following(name)
            self._labels.append(label)
            return label, number

        orders, arranging = world.orders, world.orders.arrange

        def arranged(members: Sequence[Any]) -> list[Any]:
            found: list[Any] = arranging(members)
            self._chains.append([each.label_in_sets for each in found if hasattr(each, "label_in_sets")])
            return found

        taking = orders.first

        def taken(members: Sequence[Any]) -> Any:
            first = taking(members)
            labels = [each.label_in_sets for each in members if each is not first and hasattr(each, "label_in_sets")]
            if hasattr(first, "label_in_sets"):
                self._chains += [[first.label_in_sets, each] for each in labels]
            return first

        numbers.next, orders.arrange, orders.first = remembered, arranged, taken
        self.given = world.given
        self._listen_to(world.network)

    def _listen_to(self, network: Network) -> None:
        """Remember what is asked of connections, and what it gave."""
        socket, resolve, report = network.socket, network.resolve, network._report

        def made(*kind: type[WorldSocket]) -> WorldSocket:
            answers: dict[str, list[tuple[str, Any]]] = {}
            self.sockets.append(answers)
            ours = socket(*kind)
            for call in _CALLS:
                setattr(ours, call, _answering(getattr(ours, call), answers.setdefault(call, [])))
            return ours

        def resolved(*given: Any, **options: Any) -> list[tuple[Any, ...]]:
            found = resolve(*given, **options)
            self.resolved += [each[-1] for each in found]
            return found

        def reported(ours: WorldSocket, handles: Sequence[Any]) -> Sequence[Any]:
            reader, writer = network.watched[ours.descriptor].data
            way = sum(event for event, each in ((EVENT_READ, reader), (EVENT_WRITE, writer)) if each in handles)
            self.selects[self._world().progress.iterations].append(("ready", ours.descriptor, way))
            return report(ours, handles)

        vars(network).update(socket=made, resolve=resolved, _report=reported)

    def watch(self, kind: str, what: Any) -> None:
        """One thing that happens."""
        world = self._world()
        if kind == "world" and what.what != "connects":  # of which its sockets tell
            when, at = self.selects, world.progress.iterations
            if world.progress.thread_moment is not None:
                when, at = self.moments, world.progress.thread_moment
            when[at].append((what.what, what.number, what.way))
        elif kind == "rest":
            self._chains += world.numbers.chains()
            self.standing = self.standing or stock_comparison.how_they_stand(world.tasks(), world.main, OURS)
            self.rests.append(world.progress.iterations)
            self.fine = bool(world.clock.fine)
            self.calls_for_sockets = bool(world.network.made_by_the_program)
            self.times = world.clock.times()
        elif kind == "log" and not self.rests:
            self.noted.append(repr(what[0] if len(what) == 1 else what))
        elif kind == "seen" and not self.rests:
            text = self._part.noted(what)
            self.noted += [] if text is None else [repr(text)]

    def places(self) -> list[int]:
        """Numbers for tasks and futures, in the order in which they are first in a set, so that every set has the
        order that was seen."""
        before: dict[str, set[str]] = {label: set() for label in self._labels}
        for chain in self._chains:
            for one, other in pairwise(chain):
                before[other].add(one)
        seen = {label for chain in self._chains for label in chain}
        try:
            ranked = list(TopologicalSorter(before).static_order())
        except CycleError:
            raise UsageError(
                "no script: expected sets of tasks that one order of their members can show; found two that need "
                "another one each"
            ) from None
        order = sorted(ranked, key=lambda label: label not in seen)
        return [order.index(label) for label in self._labels]


def stock_script(
    scenario: str | Scenario, setting: Setting, decisions: Sequence[Decision], file: str, finding: str
) -> str:
    """The text of a script that makes this run of a scenario on asyncio's own loop.

    Raises :class:`UsageError` that says why if asyncio cannot make it. ``finding``: what is wrong with it, for the
    reader.
    """
    name = name_of(scenario)
    if "<" in name:
        raise UsageError(
            f"scenario {name!r}: expected one that a script can import, package.module:function; found none"
        )
    why_not = beyond_asyncio(setting, decisions)
    if why_not is not None:
        raise UsageError(f"no script: {why_not}")
    program = find(scenario)
    part: ScriptPart = program.in_a_script() if hasattr(program, "in_a_script") else _PLAIN
    recorder, _ = _recorded(program, setting, decisions, part)
    head = _HEAD.format(
        name=name.replace("@", " "),
        finding=finding.replace("\\", "/").replace('"""', "'''"),
        file=file,
        version=".".join(platform.python_version_tuple()[:2]),
        threads=", and when results of threads are appended to the ready queue" if recorder.moments else "",
        sets=", and the order of tasks in sets" if len(recorder.places()) > 1 else "",
        sockets=", and what its sockets answer" if recorder.sockets else "",
    )
    modules = stock_comparison, stock_imports, stock_places, called, drawn_ids, selector, stock_driver
    services = _services() if recorder.given or part.source else ""
    services += _endpoint() if "endpoint" in recorder.given else ""
    services += _copied(stock_connections).lstrip() + "\n\n" if recorder.sockets else ""
    body = "\n\n".join(map(_copied, modules)).replace(_MAIN, services + part.source + _MAIN)
    imported = (*modules, stock_connections) if recorder.sockets else modules
    return f"{head}\n{_imports(*imported)}\n\n{_constants(name, setting, recorder, part)}{body}"


def _importable(name: str) -> tuple[str, list[str]]:
    """Module and attribute of a program, and the folders besides the current one that it is imported from."""
    source, _, attribute = parts_of(name)[0].rpartition(":")
    if source.endswith(".py") or "/" in source:
        file = Path(source)
        return f"{file.stem}:{attribute}", [str(file.parent)]
    return f"{source}:{attribute}", []


def _imports(*modules: ModuleType) -> str:
    """What these import of Python."""
    lines = [line for module in modules for line in inspect.getsource(module).splitlines()]
    imported = {line for line in lines if line.startswith(("import ", "from ")) and not line.startswith(_NOT_PYTHONS)}
    return "\n".join([_FIRST, "", *sorted(imported, key=lambda line: (line.startswith("from"), line))]) + "\n"


def _copied(module: ModuleType) -> str:
    """What is copied of a module."""
    source = inspect.getsource(module)
    return source[source.index(_FILLED) + len(_FILLED) :]


def _services() -> str:
    """The model and the store that a scenario is given, as they stand."""
    source = inspect.getsource(services)
    return _SERVICES.format(classes=source[source.index("_PROMPT: Final") :].rstrip())


def _endpoint() -> str:
    """The model behind httpx, likewise; what it needs of httpx is the program's own."""
    from everyturn.asyncio.endpoints import chat

    source = inspect.getsource(chat)
    return _ENDPOINT.format(classes=source[source.index("_CUT: Final") :].rstrip())


def write_script(path: Path, scenario: str | Scenario, found: ExplainedScenario) -> None:
    """Write :func:`stock_script` of a run that was explained to a file. Raises :class:`UsageError`, also if it cannot
    be written."""
    text = stock_script(scenario, found.setting, found.outcome.decisions, path.name, str(found.finding))
    written(path, [text.encode()])


def beyond_asyncio(setting: Setting, decisions: Sequence[Decision]) -> str | None:
    """Why asyncio's own loop cannot make this run; none if it can."""
    if setting.order == "fifo":
        return None
    for number, each in enumerate(decisions, 1):
        if each.kind == "next" and each.taken:
            return (
                f"asyncio runs ready callbacks first in, first out, and this run does not: decision {number} takes "
                f"{each.word!r} before {each.options[0]!r}"
            )
    return None


def _recorded(
    scenario: Scenario, setting: Setting, decisions: Sequence[Decision], part: ScriptPart
) -> tuple[_Recorder, ScenarioOutcome]:
    recorder = _Recorder([(each.kind, each.word) for each in decisions], part)
    with prepared(scenario, setting):
        outcome = run(scenario, recorder, setting, recorder.watch)
    if not outcome.complete or not recorder.rests:
        found = "blocks its loop" if any(each.kind == "blocked" for each in outcome.findings) else "goes on"
        raise UsageError(f"no script: expected a run that comes to rest; found one that {found} for ever")
    if recorder.calls_for_sockets:
        raise UsageError("no script: expected sockets that asyncio makes; found one that the program makes itself")
    return recorder, outcome


def _constants(name: str, setting: Setting, recorder: _Recorder, part: ScriptPart) -> str:
    importable, folders = _importable(name)
    values: dict[str, tuple[str, Any, str]] = {
        "NAME": ("", importable, ""),
        "FOLDERS": (": list[str]", folders, ""),
        "SELECTS": (
            ": dict[int, list[tuple[str, int, int]]]",
            dict(recorder.selects),
            "at which look at the selector what comes: what it does, which one (as they were asked for), in which way",
        ),
        "MOMENTS": (
            ": dict[int, list[tuple[str, int, int]]]",
            dict(recorder.moments),
            "the same for threads, by appends to the ready queue and steps, counted together",
        ),
        "RESTS": (": list[int]", recorder.rests, "at which look nothing more can come"),
        "TIMES": (": list[float]", recorder.times, "what the clock shows after each look"),
        "FINE": ("", recorder.fine, "whether it moves on within a step"),
        "EAGER": ("", setting.eager, ""),
        "ORDER_IN_SETS": (": list[int]", recorder.places(), ""),
        "NOTED": (": list[str]", recorder.noted, "what the program must note, with world.log, until it rests"),
        "STANDING": (": list[str]", recorder.standing, "and how its tasks stand then"),
        **(_of_sockets(recorder) if recorder.sockets else {}),
        **part.constants,
    }
    lines = []
    for constant, (kind, value, comment) in values.items():
        lines += [f"# {comment}"] if comment else []
        lines.append(f"{constant}{kind} = {pformat(value, width=110)}")
    return "\n".join(lines) + "\n"


def _of_sockets(recorder: _Recorder) -> dict[str, tuple[str, Any, str]]:
    """What a run with connections needs besides."""
    asked = [{call: answers for call, answers in each.items() if answers} for each in recorder.sockets]
    return {
        "SOCKETS": (": list[dict[str, list[Any]]]", asked, "what each socket answers, as they are made, to each call"),
        "RESOLVED": (": list[tuple[str, int]]", recorder.resolved, "and each question for an address"),
    }
