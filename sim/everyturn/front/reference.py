"""The reference of the front door, made from its docstrings: ``python -m everyturn.front.reference
docs/reference.md``."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, Final

import everyturn
from everyturn.files.writing import written
from everyturn.world.scope import DEFAULT_SCOPES

SECTIONS: Final = {
    "Questions": "check check_all liveness fuzz replay explain shrink report validate simulate audit coverage repairs "
    "play",
    "Asyncio programs": "check_scenario fuzz_scenario replay_scenario check_session fuzz_session replay_session "
    "scenario",
    "Results": "CheckResult CheckResults FuzzResult FuzzRun ReplayResult ExplainResult ShrinkResult Report "
    "LivenessResult AuditResult CoverageResult ValidateResult SimulateResult RepairsResult ScenarioExplanation "
    "ScenarioResult ScenarioRun SessionResult GamePage "
    "Verdict Trace",
    "What is asked about": "Agent Scope Promises Ports Shared Desk Call Completion Context Session UserPrompt Held "
    "PromptRefused",
    "Modules": "figures invariants strategies events revisions",
    "Errors": "EveryturnError UsageError",
}
"""Heading → the names below it: all of ``everyturn.__all__`` but the version."""

WORDS: Final = {
    "TableRow": "a dictionary: column → value; `pandas.DataFrame` and `polars.DataFrame` take a list of them",
    "Wanted": "an invariant by its name (`mission` and `conforms` are names, too), or an `invariants.Invariant`",
    "Chooser": "a strategy by its name, such as `pct:3`, or a `strategies.Strategy`",
    "Granularity": "`access` or `await`",
    "Reduce": "`none`, `dead`, `symmetry` or `ample`",
    "Progress": "`True` for a line on standard error, or a function that is called now and then",
    "ScenarioOrName": "an `async def` that takes the world, or where it lies (`package.module:function`, "
    "`file.py:function`)",
    "ScenarioFunction": "an `async def` that takes the world",
    "SessionOrName": "a class that inherits from `Session`, or where it lies (`package.module:Adapter`, "
    "`file.py:Adapter`)",
    "ScenarioProgress": "`True` for a line on standard error, or a function that is called after each run",
    "Stop": "`never` or `first`",
    "Show": "a function that is called now and then with runs made, violations found, and seconds",
    "Order": "of ready callbacks: `fifo`, as asyncio, or `any`",
    "HowLong": "seconds, a distribution of `everyturn.studies.distributions`, or a function that draws with a "
    "`random.Random`",
    "CheckOptions": "the keyword arguments of `check`",
    "InvariantResult": "what is said of one invariant: `verdict`, `sentence`, `steps`, `token`, `count`",
}
"""What the names in signatures mean that are no names of the front door."""

_AGENT: Final = """What is checked: a revision by its name (`"d4"`), a class of one's own by where it lies
(`"package.module:Class"`), or the class itself. Any class will do that is made of `Ports`; it needs only those
methods that a scope calls."""
_NAMES: Final[dict[str, Callable[[ModuleType], Mapping[str, Any]]]] = {
    "figures": lambda module: {each: getattr(module, each) for each in module.__all__},
    "invariants": lambda module: {each: getattr(module, each) for each in module.__all__},
    "strategies": lambda module: {each: getattr(module, each) for each in module.__all__},
    "events": lambda module: module.EVENT_TYPES,
    "revisions": lambda module: {each.__name__: each for each in module.REVISIONS.values()},
}
"""The names of each module that are told, too."""


_GIVEN: Final = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
SHORT: Final = 90
"""A longer signature has a line for each parameter."""


def reference() -> str:
    """The page."""
    return "\n".join(_page()) + "\n"


def _page() -> Iterator[str]:
    yield "# Reference"
    yield ""
    yield "What `import everyturn` gives. This page is made from docstrings by `make reference`. In signatures:"
    yield from ("", *(f"- `{name}`: {meaning}" for name, meaning in WORDS.items()))
    for heading, names in SECTIONS.items():
        yield from ("", f"## {heading}")
        for name in names.split():
            yield from _entry(name, getattr(everyturn, name))


def _entry(name: str, found: Any) -> Iterator[str]:
    if name == "Agent":
        yield from ("", "### `Agent`", "", _AGENT)
    elif isinstance(found, ModuleType):
        yield from ("", f"### `everyturn.{name}`", "", _text(found))
        for each, member in _NAMES[name](found).items():
            yield from _member(f"{name}.{each}", member)
    elif isinstance(found, type):
        yield from ("", f"### `{name}`", "", _text(found))
        for each, member in _members(found).items():
            if not each.startswith("_") and isinstance(member, FunctionType | property | classmethod):
                yield from _member(each, member)
    else:
        yield from ("", f"### `{name}`", "", "```python", f"{name}{_signature(found)}", "```", "", _text(found))


def _members(found: type) -> dict[str, Any]:
    """What a class has, and what it has from others of the front door."""
    ours = [
        each
        for each in reversed(found.__mro__)
        if each is found or each.__module__.startswith(f"{everyturn.__name__}.front")
    ]
    return {name: member for each in ours for name, member in vars(each).items()}


def _member(name: str, found: Any) -> Iterator[str]:
    """A method, an attribute or a name of a module, as an item of a list."""
    if isinstance(found, classmethod):
        found = found.__func__
    if isinstance(found, type):
        yield from ("", f"- `{name}{_made_of(found)}`  ", *_indented(_text(found), "  "))
        for each, member in vars(found).items() if not issubclass(found, everyturn.revisions.Independent) else ():
            if isinstance(member, FunctionType) and not each.startswith("_"):
                text = _text(member).splitlines()[:1] or [""]
                yield f"  - `{each}{_signature(member)}`{': ' if text[0] else ''}{text[0]}"
    elif callable(found) or isinstance(found, property):
        called = f"{name}{_signature(found)}" if isinstance(found, FunctionType) else name
        yield from ("", f"- `{called}`  ", *_indented(_text(found), "  "))
    else:
        yield from ("", f"- `{name}`: {_listed(found)}")


def _indented(text: str, by: str) -> Iterator[str]:
    return (f"{by}{line}".rstrip() for line in text.splitlines())


def _made_of(found: type) -> str:
    """What is given to make one, in order; of an enumeration its members."""
    if issubclass(found, Enum):
        return f": {', '.join(found.__members__)}"
    if "__init__" not in vars(found):
        return ""
    parameters = [each for each in inspect.signature(found).parameters.values() if each.kind in _GIVEN]
    given = [each.name if each.default is each.empty else f"{each.name}=…" for each in parameters]
    return f"({', '.join(given)})" if given else ""


def _listed(found: Any) -> str:
    """The names in a list or table of a module."""
    names = [each if isinstance(each, str) else each.name for each in found]
    return ", ".join(f"`{each}`" for each in names)


def _signature(found: Any) -> str:
    """The signature, one parameter to a line if it is long."""
    signature = inspect.signature(found)
    lines: list[str] = []
    for each in signature.parameters.values():
        if each.name in ("self", "cls"):
            continue
        if each.kind is each.KEYWORD_ONLY and "*" not in lines and not any(line.startswith("*") for line in lines):
            lines.append("*")
        lines.append(_parameter(each))
    result = f" -> {signature.return_annotation}"
    text = f"({', '.join(lines)}){result}"
    return text if len(text) < SHORT else "(\n" + "".join(f"    {line},\n" for line in lines) + f"){result}"


def _parameter(found: inspect.Parameter) -> str:
    stars = "*" if found.kind is found.VAR_POSITIONAL else "**" if found.kind is found.VAR_KEYWORD else ""
    text = f"{stars}{found.name}: {found.annotation}"
    if found.default is found.empty:
        return text
    default = "DEFAULT_SCOPES" if found.default is DEFAULT_SCOPES else f"{found.default!r}"
    return f"{text} = {default}"


def _text(found: Any) -> str:
    """The docstring, its roles as code."""
    doc = inspect.getdoc(found) or ""
    if isinstance(found, type) and doc.startswith(f"{found.__name__}("):
        doc = ""
    return re.sub(r":\w+:`~?(?:[\w.]+\.)?(\w+)`", r"`\1`", doc).replace("``", "`")


def main() -> None:
    """Write the page to the file that is named."""
    written(Path(sys.argv[1]), [reference().encode()])


if __name__ == "__main__":
    main()
