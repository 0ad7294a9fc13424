"""Many prompts in flight: what nothing tells apart is one, and the answers are those of a matcher that knows no such
thing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Final

import pytest
from tests.nightly import thinned
from tests.sim.plain_matcher import TooMany, explains
from tests.sim.random_logs import random_log

from everyturn.formats.everyturn_log import REQUIRED, LogHeader, LogLine, Placed
from everyturn.logs.busy_periods import BusyPeriod
from everyturn.logs.events import lacks, of_lines
from everyturn_model.partial import Matched, PartialAnswer, match_partial, passes

KINDS: Final[Any] = frozenset({*REQUIRED, "submitted", "returned", "clear_call", "clear_return"})
Told = dict[str, str]


def line(kind: str, prompt: str | None = None, **fields: str) -> Told:
    return {"kind": kind, **fields} | ({} if prompt is None else {"prompt": prompt})


def submit(prompts: Iterable[str], *, run_id: bool = True) -> list[Told]:
    return [line("submit", each, **({"run_id": f"r-{each}"} if run_id else {})) for each in prompts]


def each(kind: str, prompts: Iterable[str], **fields: str) -> list[Told]:
    return [line(kind, prompt, **fields) for prompt in prompts]


def ended(prompt: str, outcome: str) -> list[Told]:
    return [line("ended", prompt, outcome=outcome), line("told", prompt, outcome=outcome)]


def runs(prompts: Iterable[str], outcome: str = "finished") -> list[Told]:
    return [told for each in prompts for told in (line("started", each), *ended(each, outcome))]


def dropped(prompts: Iterable[str]) -> list[Told]:
    return [told for each in prompts for told in (line("dropped", each), line("told", each, outcome="cancelled"))]


FIRST: Final = [*submit(["p0"]), line("started", "p0")]
CALL, RETURN = line("cancel_call", operation="c"), line("cancel_return", operation="c")
CLEARED: Final = [line("clear_call", operation="k"), line("clear_return", operation="k")]


def in_flight(names: list[str]) -> list[Told]:
    return [*FIRST, *submit(names), *each("queued", names), *ended("p0", "finished"), *runs(names)]


def around_a_cancel(names: list[str]) -> list[Told]:
    cancelled = [CALL, *each("queued", names), RETURN, *ended("p0", "cancelled")]
    return [*FIRST, *submit(names), *cancelled, *dropped(names)]


def within_a_cancel(names: list[str]) -> list[Told]:
    cancelled = [CALL, *submit(names), RETURN, *ended("p0", "cancelled")]
    return [*FIRST, *cancelled, *each("queued", names), *runs(names)]


def half_dropped_half_run(names: list[str]) -> list[Told]:
    cancelled = [CALL, *submit(names), RETURN, *ended("p0", "cancelled")]
    return [*FIRST, *cancelled, *each("queued", names[1::2]), *dropped(names[::2]), *runs(names[1::2])]


def cancelled_in_their_turns(names: list[str]) -> list[Told]:
    cancelled = [*submit(names), *each("queued", names), CALL, RETURN, *ended("p0", "cancelled")]
    return [*FIRST, *cancelled, *runs(names[1::2], "cancelled"), *dropped(names[::2])]


def two_cancels(names: list[str]) -> list[Told]:
    first, second = names[: len(names) // 2], names[len(names) // 2 :]
    other = [line(f"cancel_{step}", operation="d") for step in ("call", "return")]
    around = [CALL, *submit(first), other[0], *submit(second), RETURN, *ended("p0", "cancelled"), other[1]]
    return [*FIRST, *around, *each("queued", names[1::2]), *dropped(names[::2]), *runs(names[1::2])]


def queued_is_said_late(names: list[str]) -> list[Told]:
    return [
        *FIRST,
        *submit(names),
        *ended("p0", "finished"),
        *runs(names[:-1]),
        *each("queued", names),
        *runs(names[-1:]),
    ]


def cleared(names: list[str]) -> list[Told]:
    some = [*each("queued", names[::3]), *CLEARED, *each("queued", [name for name in names if name not in names[::3]])]
    return [*FIRST, *submit(names), *some, *dropped(names[::2]), *ended("p0", "finished"), *runs(names[1::2])]


def folded_around_a_cancel(names: list[str]) -> list[Told]:
    waiting = [*submit(names, run_id=False), *each("queued", names)]
    return [*FIRST, *waiting, CALL, RETURN, *each("folded", names, turn="p0"), *ended("p0", "cancelled")]


def failed_before_their_turns(names: list[str]) -> list[Told]:
    failed = [told for name in names[::2] for told in ended(name, "failed")]
    return [*FIRST, *submit(names), *each("queued", names), *ended("p0", "finished"), *failed, *runs(names[1::2])]


def returned_within_a_cancel(names: list[str]) -> list[Told]:
    back = [CALL, *each("returned", names, outcome="cancelled"), RETURN, *ended("p0", "cancelled")]
    return [*FIRST, *submit(names), *back, *dropped(names)]


PATTERNS: Final = (
    in_flight,
    around_a_cancel,
    within_a_cancel,
    half_dropped_half_run,
    cancelled_in_their_turns,
    two_cancels,
    queued_is_said_late,
    cleared,
    folded_around_a_cancel,
    failed_before_their_turns,
    returned_within_a_cancel,
)


def match(lines: list[Told]) -> Matched:
    header = LogHeader(kinds=KINDS)
    told: list[Any] = [*lines, line("rest")]
    placed = tuple(Placed(number, LogLine(session="s", **fields)) for number, fields in enumerate(told, 2))
    return match_partial(of_lines(BusyPeriod("s", placed, at_rest=True), header), lacks=lacks(header))


def names(count: int) -> list[str]:
    return [f"p{number}" for number in range(1, count + 1)]


@thinned(4)
@pytest.mark.parametrize("pattern", PATTERNS)
def test_two_hundred_prompts_in_flight_are_accepted(pattern: Callable[[list[str]], list[Told]]) -> None:
    """In as many tried actions for each as for each of seven."""
    few, many = match(pattern(names(8))), match(pattern(names(200)))
    assert (few.answer, many.answer) == (PartialAnswer.ACCEPTED, PartialAnswer.ACCEPTED)
    assert many.tried < 25 * few.tried


def without(lines: list[Told], *fields: str) -> list[Told]:
    return [each for each in lines if not set(fields) <= set(each.values())]


def test_one_fault_among_a_hundred_in_flight_is_found() -> None:
    """Who was not told, who was lost, who was overtaken by one that certainly came later: refused, by its guard."""
    hundred = names(100)
    untold = match(without(in_flight(hundred), "told", "p50"))
    assert [refused.guard for refused in untold.refusals] == ["rest-all-told"]
    lost = match(without(around_a_cancel(hundred), "dropped", "p50"))
    assert lost.refusals[0].guard == "ended"
    one_by_one = [told for name in hundred for told in (*submit([name]), line("queued", name))]
    overtaken = match([*FIRST, *one_by_one, *ended("p0", "finished"), *runs(["p2", "p1", *hundred[2:]])])
    assert [refused.guard for refused in overtaken.refusals] == ["first-in-line", "not-overtaken"]


def test_a_prompt_that_must_have_come_early_was_found_by_the_cancel() -> None:
    """``p1`` starts before ``p2``, which was in the queue before the Cancel; so ``p1`` was submitted before it, too: it
    may end as cancelled, and must not finish once the Cancel has returned. If ``p2`` is dropped, ``p1`` may have come
    after the call."""
    waiting = [
        *submit(["p1", "p2"]),
        line("queued", "p2"),
        CALL,
        RETURN,
        line("queued", "p1"),
        *ended("p0", "cancelled"),
    ]
    assert match([*FIRST, *waiting, *runs(["p1", "p2"], "cancelled")]).answer is PartialAnswer.ACCEPTED
    assert match([*FIRST, *waiting, *runs(["p1"]), *runs(["p2"], "cancelled")]).answer is PartialAnswer.REFUSED
    assert match([*FIRST, *waiting, *runs(["p1"]), *dropped(["p2"])]).answer is PartialAnswer.ACCEPTED


def test_random_logs_are_answered_as_by_the_plain_matcher() -> None:
    """What is accepted has an explanation that passes every guard; what is refused has none, wherever hidden steps are
    put."""
    answers: Counter[str] = Counter()
    for seed in range(120):
        header, busy_period = random_log(seed)
        seen, lacking = of_lines(busy_period, header), lacks(header)
        matched = match_partial(seen, lacks=lacking)
        answers[matched.answer] += 1
        if matched.answer is PartialAnswer.ACCEPTED:
            assert passes(matched.explanation, lacking), seed
            assert [step.event for step in matched.explanation if not step.hidden] == [each.event for each in seen]
        else:
            assert matched.answer is PartialAnswer.REFUSED, seed
            try:
                assert not explains(seen, lacking, limit=600), seed
            except TooMany:
                answers["not compared"] += 1
    assert answers[PartialAnswer.ACCEPTED] > 20, answers
    assert answers[PartialAnswer.REFUSED] - answers["not compared"] > 60, answers


@pytest.mark.parametrize("reason", ["covered", "entry"])
def test_a_drop_that_is_told_before_its_line_is_of_the_kind_that_the_line_says(reason: str) -> None:
    """Whoever waits may be told before the line that says how the prompt ended."""
    waiting = [*submit(["p1"]), line("queued", "p1"), CALL, RETURN, *ended("p0", "cancelled")]
    late = [line("told", "p1", outcome="cancelled"), line("dropped", "p1", reason=reason)]
    assert match([*FIRST, *waiting, *late]).answer is PartialAnswer.ACCEPTED


def test_a_fold_that_is_told_after_its_turn_failed_was_before_the_failure() -> None:
    """The turn is cancelled while it is prepared; what was folded into it until then may be said last."""
    waiting = [*submit(["p1"], run_id=False), line("queued", "p1"), CALL, *ended("p0", "cancelled"), RETURN]
    assert match([*FIRST, *waiting, line("folded", "p1", turn="p0")]).answer is PartialAnswer.ACCEPTED
