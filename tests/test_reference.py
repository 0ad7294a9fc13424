"""The reference of the front door."""

from __future__ import annotations

import re
from pathlib import Path

import everyturn
from everyturn.front.reference import SECTIONS, WORDS, reference

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference.md"


def test_the_reference_is_what_the_docstrings_say() -> None:
    """Made by `make reference` since they were changed."""
    assert PAGE.read_text(encoding="utf-8") == reference()


def test_the_reference_has_every_name() -> None:
    told = {name for names in SECTIONS.values() for name in names.split()}
    assert told == set(everyturn.__all__) - {"__version__"}


def test_every_name_in_a_signature_is_explained() -> None:
    """It is of the front door, in the legend, of the module that the page tells of, or of Python and its libraries."""
    signatures = re.findall(r"^```python\n(.*?)^```", reference(), re.MULTILINE | re.DOTALL)
    used = {name for text in signatures for name in re.findall(r"\b[A-Z]\w*[a-z]\w*", text)}
    python = {
        "Any",
        "Callable",
        "Iterable",
        "Mapping",
        "Literal",
        "None",
        "Path",
        "Sequence",
        "False",
        "True",
        "Unpack",
    }
    assert used - set(WORDS) - set(everyturn.__all__) - python == set()
