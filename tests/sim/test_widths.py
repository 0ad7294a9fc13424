"""What commands print in columns stays within a page, and so does what helps with them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner

from everyturn.cli import COMMANDS, main
from everyturn.reports.columns import PAGE, beside, blocks, entry, joined
from everyturn.reports.listing import LISTINGS, lines
from everyturn.reports.text import LEGEND, Printer
from everyturn.verdicts.verdict import Cell, InvariantResult, Verdict
from everyturn_model.invariants import INVARIANTS

RECORDING: Final = str(Path(__file__).parents[2] / "recordings" / "d3-folded-run-id.jsonl")
HANGS: Final = str(Path(__file__).parents[1] / "traces" / "H1-no-hang.jsonl")


@pytest.mark.parametrize("what", LISTINGS)
def test_lists_are_no_wider_than_a_page(what: str) -> None:
    assert max(map(len, lines(what))) <= PAGE


@pytest.mark.parametrize("command", [*COMMANDS, None])
def test_help_is_no_wider_than_a_page(command: str | None) -> None:
    shown = CliRunner().invoke(main, [*filter(None, [command]), "--help"]).stdout
    assert max(map(len, shown.splitlines())) <= PAGE


def test_what_each_revision_says_to_a_run_is_one_line() -> None:
    """Twelve columns and the scope."""
    shown = CliRunner().invoke(main, ["validate", "--identify", RECORDING]).stdout.splitlines()
    heading = next(place for place, line in enumerate(shown) if line.lstrip().startswith("run "))
    rows = shown[heading : heading + 6]
    assert all(line.endswith(("scope", "AA+1t")) for line in rows)
    assert max(map(len, [*rows, shown[heading - 1]])) <= PAGE


@pytest.mark.parametrize("name", ["d4", "my_package.agents.of_the_second_kind:WithAQueue"])
def test_a_matrix_of_long_names_is_no_wider_than_a_page(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Their names have lines of their own; short ones stand beside their signs."""
    proved = InvariantResult(Verdict.PROVED)
    cell = Cell(name, "AA+1t+u", "access", Verdict.PROVED, {each.name: proved for each in INVARIANTS})
    Printer(err=False).matrix([cell])
    shown = capsys.readouterr().out.splitlines()
    assert max(map(len, shown)) <= PAGE
    assert shown[-1] == LEGEND
    (signs,) = [line for line in shown[:-1] if line.count("✓") == len(INVARIANTS)]
    assert f"{name} AA+1t+u" in (signs if name == "d4" else shown[shown.index(signs) - 1])
    column = shown[0].index(INVARIANTS[0].name)
    assert signs[column] == "✓"


def test_an_entry_is_broken_between_words() -> None:
    text = "word " * 40
    made = list(entry("name", text, 10))
    assert made[0].startswith("name      word")
    assert all(line.startswith(" " * 10 + "word") for line in made[1:])
    assert max(map(len, made)) <= PAGE
    assert " ".join(made).split() == ["name", *text.split()]


def test_a_wide_table_is_several_that_name_their_rows() -> None:
    rows = [["d4", *(f"heading {number}" for number in range(20))], ["hardened", *("1" * 12 for _ in range(20))]]
    parts = blocks(rows, 1)
    assert len(parts) > 1
    assert all(part[1][0] == "hardened" for part in parts)
    assert max(len(joined(row)) for part in parts for row in part) <= PAGE
    assert [cell.strip() for part in parts for cell in part[0][1:]] == rows[0][1:]


def test_what_stands_side_by_side_goes_on_below_in_its_half() -> None:
    """Nothing is lost, the rule is one column, and what is short is one line."""
    left, right = ["short", "left " * 20], ["right " * 20, "short", "alone"]
    made = list(beside(left, right))
    assert max(map(len, made)) <= PAGE
    assert len({line.index("|") for line in made}) == 1
    halves = [" ".join(half).split() for half in zip(*(line.split("|") for line in made), strict=True)]
    assert halves == [" ".join(each).split() for each in (left, right)]


@pytest.mark.parametrize("command", ["replay", "explain"])
def test_a_run_is_told_within_a_page(command: str) -> None:
    """But for sentences, and commands to be copied."""
    shown = CliRunner().invoke(main, [command, HANGS, "--invariant", "no-hang"]).stdout.splitlines()
    wide = [line for line in shown if len(line) > PAGE and "everyturn replay " not in line]
    assert all(line.startswith("Nearest passing schedule: ") for line in wide)
