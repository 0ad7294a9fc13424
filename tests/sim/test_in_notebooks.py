"""What a notebook shows of results: what is the same everywhere stands once, and all that is foreign is text."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import everyturn
from everyturn.front.tables import as_html
from everyturn.page.remedies import difference

HANGS: Final = Path(__file__).parents[1] / "traces" / "H1-no-hang.jsonl"
HOSTILE: Final = "<script>alert(1)</script>"


def test_what_all_rows_say_stands_once_above_them() -> None:
    rows = [{"scope": "AA", "invariant": name, "verdict": "proved"} for name in ("one", "two")]
    shown = as_html(rows)
    assert shown.startswith("<p>scope <b>AA</b></p><table>")
    assert shown.count("AA") == 1
    assert shown.count("proved") == 2, "verdicts stand in their rows"


def test_rows_that_are_all_alike_are_still_rows() -> None:
    assert as_html([{"thread": "p1"}, {"thread": "p1"}]).count("<td") == 2


def test_a_verdict_can_be_read_in_the_dark() -> None:
    """Dark letters upon its colour; none of both where there is no colour."""
    assert "background:#e6e6e6;color:#111;" in as_html([{"verdict": "vacuous", "steps": 1}])
    assert "background" not in as_html([{"verdict": "not-judged", "steps": 1}])


def test_sentences_are_whole_and_tokens_are_cut() -> None:
    shown = as_html([{"sentence": "word " * 60, "token": "t" * 200}])
    assert "word " * 60 in shown
    assert f"{'t' * 40}…" in shown
    assert "t" * 41 not in shown


def test_foreign_text_is_text() -> None:
    assert "<script" not in as_html([{HOSTILE: HOSTILE}, {HOSTILE: HOSTILE}, {HOSTILE: "another"}])


def test_a_small_graph_is_drawn_and_said_in_words() -> None:
    graph = everyturn.check("d4", "A").graph()
    shown = graph._repr_html_()
    assert f"d4-independent, A: {len(graph)} states, {graph.number_of_edges()} transitions, 1 at rest" in shown
    assert 'src="data:image/png;base64,' in shown
    assert graph.copy()._repr_html_() == shown


def test_of_other_graphs_only_the_size_is_said() -> None:
    part = everyturn.check("d4", "A").graph().__class__()
    assert part._repr_html_() == "<p>?, ?: 0 states, 0 transitions, 0 at rest, 0 of these violate something</p>"


def test_a_trace_has_a_row_for_each_line() -> None:
    trace = everyturn.replay(str(HANGS)).trace
    shown = trace._repr_html_()
    assert shown.count("<tr>") == len(trace.lines)
    assert "reservations.begin closing.get" in shown
    assert ">p2</td>" in shown[shown.index("TakenOut(") : shown.index("Folded(")], "whom an event is about"


def test_a_change_is_told_as_a_difference() -> None:
    """Methods that are the same are left out; so is what is no method."""

    class Before:
        colour = "red"

        def same(self) -> int:
            return 1

        def other(self) -> int:
            return 1

        def gone(self) -> None: ...

    class After(Before):
        colour = "blue"

        def other(self) -> int:
            return 2

    told = difference(Before, After)
    assert "-             return 1" in told
    assert "+             return 2" in told
    assert "same" not in told
    assert "gone" not in told
    assert "colour" not in told
