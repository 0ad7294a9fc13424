"""How a prompt may have ended unseen before its turn."""

from __future__ import annotations

from collections.abc import Iterator

from everyturn_model.events import CancelledOnEntry, Dropped, DropReason, Event
from everyturn_model.facts import Facts
from everyturn_model.lifecycle import Phase
from everyturn_model.spec.prompts import Prompt
from everyturn_model.ways import Either


def dropped(prompt: Prompt, facts: Facts) -> Iterator[Either]:
    """A Cancel or a ClearQueue may have ended the prompt before its turn, if the log may leave that out."""
    if prompt.phase in (Phase.NEW, Phase.LIVE, Phase.QUEUED, Phase.TAKEN) and facts.may_be_dropped(prompt.name):
        reasons = (Dropped(prompt.name, reason) for reason in (DropReason.COVERED, DropReason.CLEARED))
        yield likeliest(prompt.name, facts, *reasons, CancelledOnEntry(prompt.name))


def likeliest(prompt: str, facts: Facts, *steps: Event) -> Either:
    """How a prompt may have ended before its turn. Of who was dropped less is asked than of who was cancelled on entry: no
    message. So the latter is tried last, unless the log tells of the message."""
    on_entry = prompt in facts.on_entry
    return Either(sorted(steps, key=lambda step: isinstance(step, CancelledOnEntry) is not on_entry))
