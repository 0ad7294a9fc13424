"""The levels, in the order in which they are played."""

from __future__ import annotations

from importlib import import_module
from typing import Final

from everyturn.game.level import Level

_ORDER: Final = (
    "look_then_act",
    "one_line_two_accesses",
    "look_and_act",
    "lost_wake_up",
    "under_a_lock",
    "double_answer",
    "two_locks",
    "cancel_finds_nobody",
    "flag_that_stays",
    "epochs",
    "reservation_gap",
    "folded",
    "another_s_entry",
    "the_real_agent",
    "no_await_between",
    "event_before_wait",
    "cancelled_before_start",
    "deadline",
    "lock_over_await",
)

LEVELS: Final[tuple[Level, ...]] = tuple(import_module(f"{__name__}.{name}").LEVEL for name in _ORDER)
