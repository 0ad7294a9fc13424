"""The referee of recordings, each judge from both sides: a smallest run that is wrong, and one that only looks wrong.

The judge of logs must see the same.

A run is written as steps with semicolons. ``accept p1`` is the reservation and the call of Run, ``local p1`` a local
caller's call, ``back p1 OUTCOME`` the return of Run. ``@p1`` names the thread where it is not the prompt's own. p1, p2
… have a run id; q1, q2 … have none.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from tests.sim.referee import NOT_SHOWN, RunReport, judge_file

from everyturn.formats.crush_dispatch import SCHEMA, read_runs
from everyturn.logs.conforming import match_recording
from everyturn.logs.recorded import judge_run
from everyturn.verdicts.verdict import Verdict
from everyturn_model.invariants import BY_NAME, INVARIANTS

Line = dict[str, Any]
TEXT: Final = ("commit", "source", "go", "deps")
HEADER: Final = {"schema": SCHEMA, "revision": "by-hand", "gomaxprocs": 1} | dict.fromkeys(TEXT, "by hand")
COUNTS: Final = dict.fromkeys(("cancels", "clears", "errors", "summarize"), 0)
LISTS: Final = ("queued", "waiting", "twice", "notified_error")
REST: Final[Line] = {"busy": False, "accepted": 0, "mark": 0, "returned": True} | {name: [] for name in LISTS}


def named(prompt: str) -> Line:
    return {"prompt": prompt} | run_id(prompt)


def run_id(prompt: str) -> Line:
    return {"run_id": f"r{prompt[1:]}"} if prompt.startswith("p") else {}


def accept(prompt: str) -> list[Line]:
    return [
        {"ev": "accept_call"} | named(prompt),
        {"ev": "accept_return", "accept_seq": 1} | named(prompt),
        {"ev": "run_call", "mode": "accepted"} | named(prompt),
    ]


def back(mode: str, prompt: str, outcome: str = "busy-queued", turns: str = "") -> list[Line]:
    return [named(prompt) | {"ev": "run_return", "mode": mode, "outcome": outcome, "turns": turns.replace(",", " ")}]


def message(by: str) -> Callable[..., list[Line]]:
    return lambda prompt, thread: [{"ev": "user_message", "prompt": prompt, "thread": thread, "by": by}]


def fold(prompt: str, thread: str, into: str) -> list[Line]:
    return [message("fold")(prompt, thread)[0] | {"turn": into}]


def start(turn: str, thread: str) -> list[Line]:
    return [{"ev": "stream_start", "thread": thread, "turn": turn, "step": 1, "prompts": [], "request": ""}]


def stop(turn: str, thread: str, how: str = "finish") -> list[Line]:
    return [{"ev": "stream_end", "thread": thread, "turn": turn, "step": 1, "how": how}]


def tell(prompt: str, thread: str, by: str = "turn_end", via: str = "broker", **more: Any) -> list[Line]:
    fields = {"cancelled": False, "has_message": by in ("turn_end", "handoff")} | more
    return [{"ev": "completion", "by": by, "via": via, "thread": thread} | run_id(prompt) | fields]


STEPS: Final[dict[str, Callable[..., list[Line]]]] = {
    "accept": lambda prompt, thread: accept(prompt),
    "local": lambda prompt, thread: [{"ev": "run_call", "mode": "in_process"} | named(prompt)],
    "back": lambda prompt, thread, *rest: back("accepted", prompt, *rest),
    "back-local": lambda prompt, thread, *rest: back("in_process", prompt, *rest),
    "says": message("turn"),
    "entry": message("cancel_on_entry"),
    "fold": fold,
    "lost": lambda prompt, thread, by: [
        {"ev": "store_failed", "op": "write", "prompt": prompt, "thread": thread, "by": by}
    ],
    "start": start,
    "stop": stop,
    "stream": lambda turn, thread, how="finish": start(turn, thread) + stop(turn, thread, how),
    "tell": tell,
    "deliver": lambda prompt, thread, **more: [{"ev": "delivery", "cancelled": False} | named(prompt) | more],
    "agent-error": lambda prompt, thread: [{"ev": "agent_error", "error": "provider"} | named(prompt)],
    "call": lambda op, thread: [{"ev": f"{op.rstrip('12')}_call", "op": op}],
    "return": lambda op, thread: [{"ev": f"{op.rstrip('12')}_return", "op": op}],
    "cancel": lambda op, thread: [{"ev": "cancel_call", "op": op}, {"ev": "cancel_return", "op": op}],
    "clear": lambda op, thread: [{"ev": "clear_call", "op": op}, {"ev": "clear_return", "op": op}],
}


def lines_of(run: str) -> list[Line]:
    found: list[Line] = []
    for step in filter(None, (each.strip() for each in run.split(";"))):
        verb, subject, *words = step.split()
        thread = next((word[1:] for word in words if word.startswith("@")), subject)
        given = {name: value == "yes" or value for name, _, value in (w.partition("=") for w in words if "=" in w)}
        found += STEPS[verb](subject, thread, *(w for w in words if "=" not in w and w[0] != "@"), **given)
    return found


def judge(folder: Path, run: str, *, ended: bool = True, **rest: Any) -> RunReport:
    """What is said of a run that is written in steps, with its snapshot at rest."""
    lines = lines_of(run)
    here = {line["prompt"] for line in lines if line.get("mode") == "in_process"}
    kinds = {line["prompt"]: "I" if line["prompt"] in here else "A" for line in lines if "prompt" in line}
    prompts = [{"id": each, "kind": k if each[0] == "p" else k.lower(), "script": []} for each, k in kinds.items()]
    begin = {"ev": "begin", "session": "s", "scenario": {"prompts": prompts, "hook": True} | COUNTS}
    store = [f"u:{line['prompt']}" for line in lines if line["ev"] == "user_message"]
    end = [{"ev": "end", "store": store} | REST | rest] if ended else []
    log = [HEADER, *({"run": 0, "seq": seq, "t": seq} | line for seq, line in enumerate([begin, *lines, *end]))]
    path = folder / "log.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in log))
    (report,) = judge_file(path)
    return report


P1 = "accept p1; says p1; stream p1; tell p1 owner=p1; back p1 ok p1"
BUSY = "accept p1; says p1; start p1; accept p2; back p2; stop p1"
NEXT = "says p2 @p1; stream p2 @p1"
Q1, Q2, P2 = "accept q1; back q1", "accept q2; back q2", "accept p2; back p2"
LOST_CANCEL = "submitted before cancel1 was called, and {} finished by a stream that started after cancel1 had returned"
OWN_LOST = "p1 was " + LOST_CANCEL.format("its turn")
POISONED = "was submitted when no Cancel was under way, none came after, and it"
AT_REST = "nothing can move any more, and "
OVERLAP = "a stream of p2 started while the turn of p1 was running"
FOLDED = "p2 has a run id and was folded into the turn of q1"

WRONG: Final = (
    ("no-hang", f"{BUSY}; {NEXT}; tell p2 @p1", AT_REST + "nobody has told the waiter of p1"),
    (
        "no-hang",
        "local p1; says p1; stream p1; back-local p1 error p1,q2",
        AT_REST + "nobody has told the waiter of p1",
    ),
    (
        "no-double-emit",
        "accept p1; says p1; stream p1; tell p1 via=hook; deliver p1; tell p1",
        "a second completion for p1's run id was given to the broker",
    ),
    ("no-fold-of-run-id", f"{P2}; accept q1; says q1; fold p2 @q1 q1", FOLDED),
    ("no-fold-of-run-id", f"{P2}; accept q1; says q1; lost p2 @q1 fold", FOLDED),
    ("one-turn", "accept p1; accept p2; start p1; start p2", OVERLAP),
    ("one-turn", "accept p1; accept p2; stream p1 tool; start p2", OVERLAP),
    (
        "one-turn",
        "call summarize1; accept p1; start summary:summarize1 @summarize1; start p1",
        "a stream of p1 started while the turn of summary:summarize1 was running",
    ),
    ("no-lost-cancel", "accept p1; cancel cancel1; says p1; stream p1", OWN_LOST),
    ("no-lost-cancel", "local p1; says p1; cancel cancel1; stream p1", OWN_LOST),
    (
        "no-lost-cancel",
        f"{Q1}; cancel cancel1; accept p2; says p2; fold q1 @p2 p2; stream p2",
        "q1 was " + LOST_CANCEL.format("the turn of p2, into which it was folded,"),
    ),
    (
        "no-poisoned-prompt",
        "cancel cancel1; accept p1; says p1; stream p1 cancelled",
        f"p1 {POISONED} ended as cancelled",
    ),
    (
        "no-poisoned-prompt",
        f"cancel cancel1; {P2}; accept q2; tell p2 @q2 step_drop cancelled=yes",
        f"p2 {POISONED} was dropped",
    ),
    (
        "no-poisoned-prompt",
        f"accept p1; says p1; cancel cancel1; {Q2}; fold q2 @p1 p1; stream p1 cancelled",
        f"q2 {POISONED} was folded into the turn of p1, which was cancelled",
    ),
    ("no-poisoned-prompt", "cancel cancel1; accept q1; entry q1", f"q1 {POISONED} was cancelled on entry"),
    ("nothing-lost", "cancel cancel1; accept p1; back p1", "p1 was submitted, and nothing became of it"),
    ("nothing-lost", "accept p1; says p1; tell p1 clear cancelled=yes", "p1 has more than one fate: dropped, started"),
    ("nothing-lost", f"{P1}; says p1", "the user message of p1 was stored 2 times"),
    ("nothing-lost", "accept p1; stream p1", "the user message of p1 (started) is not stored"),
    (
        "in-order",
        f"accept p1; back p1; {P2}; accept p3; says p3; stream p3; says p2 @p3; stream p2 @p3; says p1 @p3",
        "p2 was queued after p1 and started its turn before it",
    ),
    (
        "right-owner",
        "accept p1; says p1; stream p1; tell p1 owner=p2",
        "a completion for p1 carries the answer of p2",
    ),
    (
        "right-owner",
        "accept p1; says p1; stream p1; deliver p1 text=answer:p2",
        "a completion for p1 carries the answer of p2",
    ),
    (
        "right-owner",
        f"{BUSY}; says p2 @p1; stream p2 @p1 error; tell p1 error=provider",
        "a completion for p1 carries the error of p2",
    ),
    (
        "right-owner",
        f"{BUSY}; {NEXT}; back p1 error p1,p2; agent-error p1",
        "an error notification for p1 tells the error of p2",
    ),
    (
        "prompt-notice",
        f"{BUSY}; tell p1 handoff hook; {NEXT}",
        "p1's thread began the turn of p2 while its hook held the completion of p1",
    ),
    ("prompt-notice", f"{BUSY}; {NEXT}; tell p1", "p1 was told only after p1's thread had begun the turn of p2"),
    ("true-outcome", "accept p1; says p1; stream p1 error; tell p1", "p1 was told as finished and failed"),
    (
        "true-outcome",
        "accept q1; says q1; stream q1; tell q1 cancelled=yes",
        "q1 was told as cancelled and finished",
    ),
    ("true-outcome", "accept p1; says p1; start p1; tell p1", "p1 was told as finished and has not ended"),
    (
        "true-outcome",
        "accept p1; says p1; stream p1 tool; tell p1",
        "p1 was told as finished and ended outside a stream",
    ),
    ("true-outcome", f"{P2}; cancel cancel1; tell p2 @cancel1 cancel", "p2 was told as finished and cancelled"),
    (
        "true-outcome",
        "accept p1; says p1; stream p1; tell p1 via=hook error=provider; deliver p1",
        "p1 was told as failed and finished",
    ),
)

RIGHT: Final = (
    ("no-hang", "its waiter was told of an error", "accept p1; back p1 error; agent-error p1"),
    ("no-hang", "a local caller has its own error", "local p1; back-local p1 error"),
    ("no-double-emit", "a hook's and its delivery are one", f"{BUSY}; tell p1 via=hook; deliver p1"),
    ("no-fold-of-run-id", "it has no run id", f"{Q1}; accept p2; says p2; fold q1 @p2 p2"),
    ("one-turn", "told, so it ended", "accept p1; accept p2; stream p1 tool; tell p1 cancelled=yes; start p2"),
    ("one-turn", "one thread, one after the other", f"{BUSY}; {NEXT}"),
    ("no-lost-cancel", "the stream ran already", "accept p1; says p1; start p1; cancel cancel1; stop p1"),
    (
        "no-lost-cancel",
        "the stream started before the Cancel returned",
        "accept p1; says p1; call cancel1; start p1; return cancel1; stop p1",
    ),
    (
        "no-lost-cancel",
        "its reservation may be later",
        "call cancel1; accept p1; return cancel1; says p1; stream p1",
    ),
    ("no-lost-cancel", "its first step may be later", "local p1; cancel cancel1; says p1; stream p1"),
    (
        "no-poisoned-prompt",
        "it came during the Cancel",
        "call cancel1; accept p1; return cancel1; says p1; stream p1 cancelled",
    ),
    (
        "no-poisoned-prompt",
        "another Cancel found it",
        "cancel cancel1; accept p1; says p1; start p1; cancel cancel2; stop p1 cancelled",
    ),
    (
        "no-poisoned-prompt",
        "it was cleared",
        f"cancel cancel1; {P2}; clear clear1; tell p2 @clear1 clear cancelled=yes",
    ),
    (
        "no-poisoned-prompt",
        "another's turn was cancelled",
        "accept p2; cancel cancel1; accept p1; says p1; stream p1; back p1 cancelled p1,p2",
    ),
    ("nothing-lost", "its write failed", f"{Q1}; accept p2; says p2; lost q1 @p2 fold"),
    ("nothing-lost", "dropped before it was stored", f"{P2}; cancel cancel1; tell p2 @cancel1 cancel cancelled=yes"),
    ("nothing-lost", "its Run failed before its turn", "local p1; back-local p1 error"),
    ("in-order", "called at once", f"accept p1; {P2}; back p1; accept p3; says p2 @p3; says p1 @p3"),
    ("in-order", "the later one was never queued", "accept p1; back p1; accept p2; says p2; stream p2; says p1 @p2"),
    (
        "in-order",
        "which began first cannot be seen",
        f"accept p1; back p1; {P2}; accept q3; accept q4; says p2 @q3; says p1 @q4; start p2 @q3",
    ),
    ("right-owner", "a drop names no turn", f"{BUSY}; tell p2 @p1 handoff_drop cancelled=yes; tell p1 owner=p1"),
    ("right-owner", "nobody waits for it", "accept q1; accept p2; says q1; back q1 error q1,p2; agent-error q1"),
    ("clean-rest", "nothing is left", P1),
    ("prompt-notice", "told before the next turn", f"{BUSY}; tell p1 handoff; {NEXT}; tell p2 @p1"),
    (
        "prompt-notice",
        "another thread's turn",
        "accept p1; says p1; stream p1; accept p2; says p2; tell p1",
    ),
    (
        "true-outcome",
        "cancelled, with its error",
        "accept p1; says p1; stream p1 cancelled; tell p1 cancelled=yes error=x",
    ),
    ("true-outcome", "failed before its stream", "accept p1; says p1; tell p1 error=store"),
    (
        "true-outcome",
        "the write of the cancellation failed",
        "accept p1; says p1; stream p1 cancelled; lost p1 final; tell p1 error=store",
    ),
    (
        "true-outcome",
        "the hook knew of the error",
        "accept p1; says p1; stream p1 error; tell p1 via=hook error=x; deliver p1",
    ),
)


@pytest.mark.parametrize(("invariant", "run", "sentence"), WRONG)
def test_what_is_wrong_is_caught(invariant: str, run: str, sentence: str, tmp_path: Path) -> None:
    """A smallest run that breaks an invariant is refuted, with a sentence that names the prompts."""
    finding = judge(tmp_path, run).findings[invariant]
    assert (finding.verdict, finding.sentence) == (Verdict.REFUTED, sentence)


@pytest.mark.parametrize(("invariant", "why", "run"), RIGHT)
def test_what_only_looks_wrong_passes(invariant: str, why: str, run: str, tmp_path: Path) -> None:
    """A run that some order of the hidden steps explains is not refuted."""
    assert invariant not in judge(tmp_path, run).refuted, why


LEFT_TO_CONFORMANCE: Final = {
    "in-order": "a turn without a stream has no line that says that it has begun",
    "nothing-lost": "a prompt that has begun may come back, and be dropped then",
    "true-outcome": "a turn that ended outside a stream ended as failed or as cancelled, and no line says which",
}
"""Of each of these, one run of those above is not refuted by the judge of logs, and why; the specification refuses
it."""


@pytest.mark.parametrize("invariant", dict.fromkeys(case[0] for case in WRONG))
def test_the_judge_of_logs_sees_what_the_referee_sees(invariant: str, tmp_path: Path) -> None:
    """What the referee refutes it refutes, too; in three runs it is the specification alone that does."""
    unseen = []
    for _, text, _ in [case for case in WRONG if case[0] == invariant]:
        judge(tmp_path, text)
        (run,) = read_runs(tmp_path / "log.jsonl")
        if judge_run(run, INVARIANTS)[invariant].verdict is not Verdict.REFUTED:
            assert match_recording(run).matched.refusals, text
            unseen.append(text)
    assert len(unseen) == (invariant in LEFT_TO_CONFORMANCE), unseen


@pytest.mark.parametrize(("invariant", "why", "run"), RIGHT)
def test_the_judge_of_logs_accuses_nobody_whom_the_referee_does_not(
    invariant: str, why: str, run: str, tmp_path: Path
) -> None:
    """What only looks wrong passes there, too."""
    judge(tmp_path, run)
    (read,) = read_runs(tmp_path / "log.jsonl")
    assert judge_run(read, INVARIANTS)[invariant].verdict is not Verdict.REFUTED, why


def test_what_is_left_at_rest_is_caught(tmp_path: Path) -> None:
    """The snapshot at rest must be clean, and whoever is still in the queue has no fate."""
    report = judge(tmp_path, f"{P2}; cancel cancel1", busy=True, queued=["p2"], accepted=2, mark=3)
    left = "left over: an active entry; p2 in the queue; open reservations: 2; a cancel mark of 3"
    assert report.findings["clean-rest"].sentence == AT_REST + left
    assert report.findings["nothing-lost"].sentence == AT_REST + "p2 is still in the queue"


def test_each_judge_is_tested_from_both_sides() -> None:
    """Every invariant that a log can show has a run that breaks it and one that only seems to."""
    shown = set(BY_NAME) - set(NOT_SHOWN)
    assert {case[0] for case in WRONG} | {"clean-rest"} == shown == {case[0] for case in RIGHT}


def test_a_finding_stands_at_its_line(tmp_path: Path) -> None:
    """The line of a finding is that of the file, where the header is line 1 and `begin` line 2."""
    report = judge(tmp_path, "accept p1; accept p2; start p1; start p2")
    assert (report.line, report.findings["one-turn"].line) == (2, 10)


def test_a_log_without_end_is_not_judged_at_rest(tmp_path: Path) -> None:
    """Where the log stops before rest, what holds at rest is not judged; what was seen before still counts."""
    report = judge(tmp_path, BUSY, ended=False)
    names = ("no-hang", "nothing-lost", "clean-rest", "one-turn")
    assert [report.findings[name].verdict for name in names] == [*[Verdict.NOT_JUDGED] * 3, Verdict.HOLDS]


def test_a_prompt_without_trace_is_not_called_fine(tmp_path: Path) -> None:
    """Where a Cancel may have dropped a prompt without a word, its fate is not judged."""
    finding = judge(tmp_path, f"{Q1}; cancel cancel1").findings["nothing-lost"]
    why = "q1 left no trace: whether it was dropped or lost cannot be seen"
    assert (finding.verdict, finding.sentence) == (Verdict.NOT_JUDGED, why)


def test_what_a_log_cannot_show_is_not_judged(tmp_path: Path) -> None:
    """Three invariants need what these logs do not have; the report says so and why."""
    report = judge(tmp_path, P1)
    assert {name: report.findings[name].sentence for name in NOT_SHOWN} == NOT_SHOWN


def test_without_a_cancel_and_a_second_waiter_cancels_and_order_are_not_claimed(tmp_path: Path) -> None:
    """An invariant that a run could not violate is vacuous in it."""
    vacuous = {name for name, each in judge(tmp_path, P1).findings.items() if each.verdict is Verdict.VACUOUS}
    assert vacuous == {"no-lost-cancel", "in-order"}
