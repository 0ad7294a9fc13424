"""The game as one page that needs nothing else: all levels, their code and their graphs inside of it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from importlib.resources import files
from typing import Any, Final

import msgspec

from everyturn.game.graph import PlayGraph, PlayTable
from everyturn.game.level import Level, Playable

_SCRIPTS: Final = ("walk.js", "code.js", "result.js", "game.js")
_OWN_AGENT: Final = """\
everyturn check --agent my_agent.py:MyAgent --scope AA+1c     # a dispatcher on ports, every interleaving
everyturn check --scenario my_program:main                    # an asyncio program as it is
everyturn explain TOKEN                                       # what raced, and when it was too late
"""
"""How to go on after the last level."""


def page(levels: Sequence[Level]) -> str:
    """The page of ``levels``."""
    folder = files("everyturn.game").joinpath("page")
    parts = {
        "style": folder.joinpath("game.css").read_text(encoding="utf-8"),
        "levels": _inert([document(level) for level in levels]),
        "script": "\n".join(folder.joinpath(name).read_text(encoding="utf-8") for name in _SCRIPTS),
        "own": _OWN_AGENT,
    }
    frame = folder.joinpath("game.html").read_text(encoding="utf-8")
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], frame)


def _inert(document: Any) -> str:
    """JSON that ends no element, whatever its strings hold."""
    return msgspec.json.encode(document).decode().replace("<", "\\u003c")


def document(level: Level) -> dict[str, Any]:
    """All that the page knows of a level."""
    graph = level.program.explored()
    return {
        "name": level.name,
        "title": level.title,
        "story": prose(level.story),
        "goal": level.goal,
        "terms": level.terms,
        "hints": level.hints,
        "moral": prose(level.moral),
        "fix": level.fix,
        "won": level.won,
        "legend": level.program.legend,
        "code": level.program.code.lines,
        "graph": packed(graph),
        "shortest": graph.shortest(),
        "mended": level.mended
        and {"graph": packed(level.mended.explored()), "diff": difference(level.program, level.mended)},
        "before": level.before and difference(level.before, level.program),
        "command": level.program.command,
    }


def prose(text: str) -> str:
    """A text on one line, however it was broken in the source."""
    return " ".join(text.split())


def difference(before: Playable, after: Playable) -> list[str]:
    """What changes from one piece of code to another, line by line; the first line, its name, is left out."""
    lines = difflib.ndiff(before.code.lines[1:], after.code.lines[1:])
    return [line for line in lines if not line.startswith("?")]


def packed(graph: PlayGraph) -> dict[str, Any]:
    """A graph as the page carries it: strings once each."""
    told: PlayTable[str] = PlayTable()
    return {
        "who": graph.who,
        "objects": graph.objects,
        "shared": list(graph.shared),
        "stands": [stand._asdict() for stand in graph.stands],
        "states": graph.states,
        "moves": [
            [(move.who, told.number(move.told), move.target, move.wins) for move in moves] for moves in graph.moves
        ],
        "told": list(told),
        "rests": {str(state): sentence for state, sentence in graph.wins_at_rest.items()},
    }
