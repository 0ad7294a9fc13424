"""The reference of the front door."""

from __future__ import annotations

from pathlib import Path

import everyturn
from everyturn.front.reference import SECTIONS, reference

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference.md"


def test_the_reference_is_what_the_docstrings_say() -> None:
    """Made by `make reference` since they were changed."""
    assert PAGE.read_text(encoding="utf-8") == reference()


def test_the_reference_has_every_name() -> None:
    told = {name for names in SECTIONS.values() for name in names.split()}
    assert told == set(everyturn.__all__) - {"__version__"}
