"""everyturn: every interleaving of every turn. Checks the dispatcher of an LLM agent against what must hold.

``import everyturn`` imports next to nothing; each name below is imported when it is used first.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from everyturn import figures, invariants, strategies
    from everyturn.errors import EveryturnError, UsageError
    from everyturn.front.asking import Agent
    from everyturn.front.checks import CheckResult, CheckResults, check, check_all
    from everyturn.front.looks import AuditResult, CoverageResult, LivenessResult, audit, coverage, liveness
    from everyturn.front.pages import Report, report
    from everyturn.front.playing import GamePage, play
    from everyturn.front.recorded import ValidateResult, validate
    from everyturn.front.repairs import RepairsResult, repairs
    from everyturn.front.runs import ExplainResult, ReplayResult, ShrinkResult, explain, replay, shrink
    from everyturn.front.samples import FuzzResult, FuzzRun, fuzz
    from everyturn.front.scenarios import (
        ScenarioExplanation,
        ScenarioResult,
        ScenarioRun,
        check_scenario,
        fuzz_scenario,
        replay_scenario,
        scenario,
    )
    from everyturn.front.sessions import SessionResult, check_session, fuzz_session, replay_session
    from everyturn.front.studies import SimulateResult, simulate
    from everyturn.game.desk import Desk
    from everyturn.runs.trace import Trace
    from everyturn.sessions.adapter import Held, PromptRefused, Session, UserPrompt
    from everyturn.verdicts.verdict import Verdict
    from everyturn.world.scope import Scope
    from everyturn_impl import revisions
    from everyturn_impl.calls import Call, Completion, Context
    from everyturn_impl.ports import Ports, Shared
    from everyturn_model import events
    from everyturn_model.promises import Promises

__all__ = [
    "Agent",
    "AuditResult",
    "Call",
    "CheckResult",
    "CheckResults",
    "Completion",
    "Context",
    "CoverageResult",
    "Desk",
    "EveryturnError",
    "ExplainResult",
    "FuzzResult",
    "FuzzRun",
    "GamePage",
    "Held",
    "LivenessResult",
    "Ports",
    "Promises",
    "PromptRefused",
    "RepairsResult",
    "ReplayResult",
    "Report",
    "ScenarioExplanation",
    "ScenarioResult",
    "ScenarioRun",
    "Scope",
    "Session",
    "SessionResult",
    "Shared",
    "ShrinkResult",
    "SimulateResult",
    "Trace",
    "UsageError",
    "UserPrompt",
    "ValidateResult",
    "Verdict",
    "__version__",
    "audit",
    "check",
    "check_all",
    "check_scenario",
    "check_session",
    "coverage",
    "events",
    "explain",
    "figures",
    "fuzz",
    "fuzz_scenario",
    "fuzz_session",
    "invariants",
    "liveness",
    "play",
    "repairs",
    "replay",
    "replay_scenario",
    "replay_session",
    "report",
    "revisions",
    "scenario",
    "shrink",
    "simulate",
    "strategies",
    "validate",
]

__version__: Final = "0.2.0"

_FROM: Final = {
    "everyturn.errors": "EveryturnError UsageError",
    "everyturn.front.asking": "Agent",
    "everyturn.front.checks": "CheckResult CheckResults check check_all",
    "everyturn.front.looks": "AuditResult CoverageResult LivenessResult audit coverage liveness",
    "everyturn.front.pages": "Report report",
    "everyturn.front.playing": "GamePage play",
    "everyturn.front.recorded": "ValidateResult validate",
    "everyturn.front.repairs": "RepairsResult repairs",
    "everyturn.front.runs": "ExplainResult ReplayResult ShrinkResult explain replay shrink",
    "everyturn.front.samples": "FuzzResult FuzzRun fuzz",
    "everyturn.front.scenarios": "ScenarioExplanation ScenarioResult ScenarioRun check_scenario fuzz_scenario "
    "replay_scenario scenario",
    "everyturn.front.sessions": "SessionResult check_session fuzz_session replay_session",
    "everyturn.front.studies": "SimulateResult simulate",
    "everyturn.game.desk": "Desk",
    "everyturn.runs.trace": "Trace",
    "everyturn.sessions.adapter": "Held PromptRefused Session UserPrompt",
    "everyturn.verdicts.verdict": "Verdict",
    "everyturn.world.scope": "Scope",
    "everyturn_impl.calls": "Call Completion Context",
    "everyturn_impl.ports": "Ports Shared",
    "everyturn_model.promises": "Promises",
}
"""Module → the names that are taken from it when they are asked for; the same as above, for when Python runs."""

_MODULES: Final = {
    "events": "everyturn_model.events",
    "figures": "everyturn.figures",
    "invariants": "everyturn.invariants",
    "revisions": "everyturn_impl.revisions",
    "strategies": "everyturn.strategies",
}
"""Name → the module that it stands for."""

_HOME: Final = {name: module for module, names in _FROM.items() for name in names.split()}


if not TYPE_CHECKING:  # a type checker knows the names above, and no others

    def __getattr__(name: str) -> Any:
        if name in _MODULES:
            found: Any = import_module(_MODULES[name])
        elif name in _HOME:
            found = getattr(import_module(_HOME[name]), name)
        else:
            raise AttributeError(f"module 'everyturn' has no attribute {name!r}")
        globals()[name] = found
        return found


def __dir__() -> list[str]:
    return __all__
