"""Other people's packages, not a line changed: the verdicts of ``docs/case_studies.md``, where they are installed.

Not part of the development environment: ``make case-studies`` makes one for them, in which none may be missing.
"""

from __future__ import annotations

import os
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

import pytest

from everyturn.asyncio.checking import check
from everyturn.verdicts.verdict import Verdict

REQUIRED: Final = "EVERYTURN_CASE_STUDIES" in os.environ
HERE: Final = Path(__file__).resolve().parents[2]
PINNED: Final = {
    "a2a-sdk": "1.3.0",
    "autogen-core": "0.7.5",
    "llama-index-workflows": "2.26.1",
    "mcp": "2.3.0",
    "pydantic-ai-slim": "2.68.0",
}
STUDIES: Final = {
    "autogen_stop:stop_while_a_message_is_handled": ("autogen-core", {"hang", "unretrieved"}),
    "a2a_sinks:blocking": ("a2a-sdk", {"hang"}),
    "a2a_sinks:evicting": ("a2a-sdk", set()),
    "a2a_task:closed_whenever": ("a2a-sdk", set()),
    "mcp_cancel:cancel_against_respond": ("mcp", set()),
    "llama_workflows:a_step_fails_while_events_are_read": ("llama-index-workflows", set()),
    "llama_workflows:a_snapshot_after_the_stream_was_left": ("llama-index-workflows", set()),
    "pydantic_queue:a_tool_enqueues_from_a_thread": ("pydantic-ai-slim", set()),
}
"""Scenario → the package that it explores, and what is wrong with it."""


@pytest.mark.parametrize("name", STUDIES)
def test_a_package_is_judged_as_the_page_says(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    package, wrong = STUDIES[name]
    try:
        installed = version(package)
    except PackageNotFoundError:
        installed = "none"
    if installed != PINNED[package]:
        missing = pytest.fail if REQUIRED else pytest.skip
        missing(f"expected {package} {PINNED[package]}; found {installed}: make case-studies")
    monkeypatch.chdir(HERE)
    checked = check(f"examples.case_studies.{name}")
    assert checked.found.complete, checked.found.stopped
    refuted = {kind for kind, judged in checked.cell.invariants.items() if judged.verdict is Verdict.REFUTED}
    assert refuted == wrong


def test_the_versions_are_those_that_the_project_pins() -> None:
    extra = (HERE / "pyproject.toml").read_text().partition("case-studies = [")[2].partition("]")[0]
    assert dict(line.strip(' ",').split("==") for line in extra.split() if "==" in line) == PINNED


def test_each_driver_is_shorter_than_sixty_lines() -> None:
    for file in (HERE / "examples" / "case_studies").glob("*.py"):
        assert len(file.read_text().splitlines()) < 60, file
