"""Small random logs of any agent, right and wrong: scripts of prompts and operations, mixed in random order."""

from __future__ import annotations

from random import Random
from typing import Any

from everyturn.formats.everyturn_log import KINDS, LogHeader, LogLine, Placed
from everyturn.logs.busy_periods import BusyPeriod

Script = list[dict[str, str]]


def random_log(seed: int) -> tuple[LogHeader, BusyPeriod]:
    """A log of two to four prompts with a Cancel or a ClearQueue or two, and what its header says that it tells."""
    chance = Random(seed)
    names = [f"p{number}" for number in range(chance.choice([2, 3, 3, 3, 4]))]
    operations = chance.choice([[], ["cancel"], ["cancel"], ["clear"], ["cancel", "cancel"], ["cancel", "clear"]])
    scripts = [_Prompt(chance, name, names, operations).script() for name in names]
    for number, kind in enumerate(operations):
        scripts.append([{"kind": f"{kind}_{step}", "operation": f"o{number}"} for step in ("call", "return")])
    if chance.random() < 0.08:
        scripts.append([{"kind": f"summary_{step}", "operation": "s"} for step in ("start", "end")])
    lines = _mutated(chance, _mixed(chance, scripts))
    at_rest = chance.random() < 0.8
    lines += [{"kind": "rest"}] * at_rest
    header = _header(chance)
    told: list[Any] = [each for each in lines if each["kind"] in header.kinds]
    return header, BusyPeriod(
        "s", tuple(Placed(number, LogLine(session="s", **each)) for number, each in enumerate(told, 2)), at_rest
    )


def _header(chance: Random) -> LogHeader:
    kinds: frozenset[Any] = frozenset(KINDS)
    left_out = {kind for kind in ("submitted", "queued", "message", "returned") if chance.random() < 0.4}
    if chance.random() < 0.4:
        left_out |= {"stream_start", "stream_end"}
    return LogHeader(kinds=kinds - left_out, ordered=chance.random() < 0.15)


class _Prompt:
    """Writes what a log may tell of one prompt."""

    def __init__(self, chance: Random, name: str, names: list[str], operations: list[str]) -> None:
        self.chance, self.name, self.operations = chance, name, operations
        self.hosts = [each for each in names if each != name]
        self.waits = chance.random() < 0.7

    def line(self, kind: str, **fields: str) -> dict[str, str]:
        return {"kind": kind, "prompt": self.name, **fields}

    def script(self) -> Script:
        script = [self.line("submit", **({"run_id": f"r-{self.name}"} if self.waits else {}))]
        script += [self.line("submitted")] * (self.chance.random() < 0.6)
        fate = self._fate()
        queued = fate in ("fold", "drop") or self.chance.random() < 0.6
        script += [self.line("queued")] * queued
        if fate == "run":
            outcome = self._cancelled_or("finished")
            script += self._turn(outcome)
        elif fate == "drop":
            outcome = "cancelled"
            script += self._drop(queued)
        elif fate == "fold":
            outcome = ""
            host = self.chance.choice(self.hosts)
            script += [self.line("folded", turn=host), self.line("message", by="fold")]
        else:
            outcome = "failed"
            script += [self.line("ended", outcome="failed")]
        if self.waits and outcome and self.chance.random() < 0.97:
            script.append(self.line("told", outcome=outcome))
        if self.chance.random() < 0.15:
            script.insert(self.chance.randrange(2, len(script) + 1), self.line("returned", outcome="finished"))
        return script

    def _fate(self) -> str:
        often = ["run"] * 5 + ["fail"] * (self.chance.random() < 0.3)
        often += ["drop"] * 4 * bool(self.operations) + ["fold"] * 4 * (not self.waits)
        return self.chance.choice(often)

    def _cancelled_or(self, outcome: str) -> str:
        return "cancelled" if "cancel" in self.operations and self.chance.random() < 0.4 else outcome

    def _drop(self, queued: bool) -> Script:
        reasons = [None, None] + ["covered", "entry"] * ("cancel" in self.operations)
        reason = self.chance.choice([*reasons, *["cleared"] * ("clear" in self.operations)])
        said = {} if reason is None else {"reason": reason}
        entry = reason in (None, "entry") and self.chance.random() < 0.3
        return [self.line("dropped", **said)] + [self.line("message", by="entry")] * entry

    def _turn(self, outcome: str) -> Script:
        script = [self.line("started"), self.line("message")]
        for how in [*["tool"] * (self.chance.random() < 0.3), outcome]:
            script += [self.line("stream_start"), self.line("stream_end", how=how)]
        return [*script, self.line("ended", outcome=outcome)]


class _Mix:
    """How far an interleaving has come, as far as it matters to what may sensibly come next."""

    def __init__(self) -> None:
        self.active: str | None = None
        self.streams = False
        self.called = False

    def sensible(self, line: dict[str, str]) -> bool:
        match line["kind"]:
            case "started" | "summary_start":
                return self.active is None
            case "folded":
                return self.active == line["turn"] and not self.streams
            case "dropped":
                return self.called
        return line.get("outcome") != "cancelled" or self.called

    def take(self, line: dict[str, str]) -> None:
        match line["kind"]:
            case "started":
                self.active = line["prompt"]
            case "ended" if line["prompt"] == self.active:
                self.active = None
            case "stream_start" | "stream_end" as kind:
                self.streams = kind == "stream_start"
            case "cancel_call" | "clear_call":
                self.called = True


def _mixed(chance: Random, scripts: list[Script]) -> Script:
    """Any interleaving of the scripts; what makes no sense yet waits, most of the time."""
    lines: Script = []
    mix = _Mix()
    left = [list(script) for script in scripts if script]
    while left:
        sensible = [script for script in left if mix.sensible(script[0])]
        script = chance.choice(sensible if sensible and chance.random() < 0.98 else left)
        for _ in range(chance.choice([1, 1, 2, 3])):
            if script and (len(sensible) == 0 or mix.sensible(script[0])):
                mix.take(script[0])
                lines.append(script.pop(0))
        left = [each for each in left if each]
    return lines


def _mutated(chance: Random, lines: Script) -> Script:
    """Now and then a line is missing, comes twice, or two stand the other way round."""
    if chance.random() < 0.7:
        return lines
    place = chance.randrange(len(lines))
    match chance.choice(["missing", "twice", "swapped", "swapped"]):
        case "missing":
            return lines[:place] + lines[place + 1 :]
        case "twice":
            return lines[: place + 1] + lines[place:]
        case _:
            other = chance.randrange(len(lines))
            swapped = list(lines)
            swapped[place], swapped[other] = lines[other], lines[place]
            return swapped
