"""Whose answer a text is, when the model's answer to a prompt is ``answer:`` and the prompt's name.

An agent may decorate an answer, quote it, or join several: a text is of its own prompt if that prompt's answer is in
it. What bears no answer, because it was made up or cut short, says nothing of its owner.
"""

from __future__ import annotations

import re
from typing import Final

_ANSWER: Final = re.compile(r"answer:(p\d+)", re.IGNORECASE)


def answered(text: str | None, prompt: str | None) -> str | None:
    """Whose answer the text of a completion for ``prompt`` carries: its own, if that is in it, else whose it is.

    None if there is no answer in it.
    """
    found = [name.lower() for name in _ANSWER.findall(text or "")]
    if prompt in found:
        return prompt
    return found[0] if found else None
