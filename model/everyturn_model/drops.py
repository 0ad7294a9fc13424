"""How a prompt may have ended unseen before its turn."""

from __future__ import annotations

from collections.abc import Iterator

from everyturn_model.events import CancelledOnEntry, Dropped, DropReason
from everyturn_model.facts import Facts
from everyturn_model.lifecycle import Phase
from everyturn_model.marks import WasDropped
from everyturn_model.spec.prompts import Prompt
from everyturn_model.ways import Either


def dropped(prompt: Prompt, facts: Facts) -> Iterator[Either]:
    """A Cancel or a ClearQueue may have ended the prompt before its turn, if the log may leave that out."""
    if prompt.phase in (Phase.NEW, Phase.LIVE, Phase.QUEUED, Phase.TAKEN) and facts.may_be_dropped(prompt.name):
        yield drops(facts.drop_to_come(prompt.name) or WasDropped(prompt.name), facts)


def drops(told: WasDropped, facts: Facts) -> Either:
    """How a prompt may have ended of which the log tells this, here or later. Of who was dropped less is asked than of
    who was cancelled on entry: no message. So the latter is tried last, unless the log tells of the message."""
    reasons = [Dropped(told.prompt, each) for each in DropReason if not told.entry and told.reason in (None, each)]
    entry = [] if told.entry is False else [CancelledOnEntry(told.prompt)]
    return Either((*entry, *reasons) if told.prompt in facts.on_entry else (*reasons, *entry))
