"""What a notebook shows of results: what is the same everywhere stands once, and all that is foreign is text."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import pytest

import everyturn
from everyturn.asyncio.runtime import places
from everyturn.page.remedies import difference
from everyturn.source_location import cell_name
from everyturn.verdicts import hints
from everyturn.verdicts.html_tables import as_html
from everyturn.verdicts.verdict import Cell, InvariantResult

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


@pytest.mark.parametrize("verdict", everyturn.Verdict)
def test_a_verdict_stands_in_its_colour(verdict: everyturn.Verdict) -> None:
    """As in the cell of a table, and still the same text everywhere else."""
    (style,) = {part.split('"')[1] for part in as_html([{"said": verdict, "n": 1}]).split("<td style=")[1:2]}
    background = style.partition("text-align")[0]
    shown: Any = verdict
    assert shown._repr_html_() == f'<span style="{background}padding:0.1em 0.4em">{verdict}</span>'
    assert f"{verdict}" == verdict.value


def test_what_is_said_of_one_invariant_is_a_table() -> None:
    said = everyturn.check("d3", "AA").verdicts["no-hang"]
    shown = said._repr_html_()
    assert "refuted</td>" in shown
    assert f"{said.sentence}</td>" in shown
    assert f"{said.steps}</td>" in shown


def test_a_cell_is_its_verdict_and_a_row_for_each_invariant() -> None:
    result = everyturn.check("d3", "AA")
    shown = result.cell._repr_html_()
    assert shown == f"<p>{result.verdict._repr_html_()}</p>{result._repr_html_()}"
    assert shown.count("<tr>") == 1 + len(result.verdicts)


def test_a_cell_in_which_nothing_was_judged_says_whose_it_is() -> None:
    cell = Cell("mine", "AA", "access", everyturn.Verdict.NOT_JUDGED, {})
    assert cell._repr_html_() == f"<p>{cell.verdict._repr_html_()} mine AA</p>"


def test_a_run_has_a_row_for_each_step_and_event() -> None:
    replayed = everyturn.replay(str(HANGS))
    shown = replayed.run._repr_html_()
    assert shown.startswith("<p>d3-locked-drain in AA</p>")
    assert shown.count("<tr>") == len(replayed.trace.lines)


def test_a_sampled_run_says_what_it_violates() -> None:
    sample = everyturn.fuzz("d4", "AA+1e", runs=20, seed=1, invariants=["no-hang"])
    bad, good = (next(run for run in sample if bool(run.violated) is which) for which in (True, False))
    assert "no-hang" in bad._repr_html_()
    assert bad.sentences["no-hang"] in bad._repr_html_()
    assert "nothing" in good._repr_html_()
    assert f"{good.steps}" in good._repr_html_()


def test_nothing_foreign_gets_out_of_a_result() -> None:
    judged = InvariantResult(everyturn.Verdict.REFUTED, HOSTILE, 1, HOSTILE, where=HOSTILE)
    cell = Cell(HOSTILE, HOSTILE, HOSTILE, everyturn.Verdict.REFUTED, {HOSTILE: judged})
    bare = Cell(HOSTILE, HOSTILE, HOSTILE, everyturn.Verdict.PROVED, {})
    run = everyturn.replay(str(HANGS)).run
    run.revision = HOSTILE
    for each in (judged, cell, bare, run):
        assert "<script" not in each._repr_html_()
        assert "&lt;script" in each._repr_html_()


def test_a_study_is_shown_as_its_table() -> None:
    """With intervals of what it is about, and no more digits than the command prints."""
    study = everyturn.simulate(prompts_per_minute=2, agents=["d4"], hours=1, replications=2, seed=1)
    shown = study._repr_html_()
    assert "stuck ‰" in shown
    assert "95% confidence" in shown
    cells = [line.split() for line in str(study).splitlines() if line.startswith("d4-independent")]
    assert all(word in shown for line in cells for word in line)


def test_numbers_have_no_more_digits_than_one_reads() -> None:
    shown = as_html([{"rate": 90.333333, "n": 1234}, {"rate": 0.1, "n": 1}])
    assert "90.3333<" in shown
    assert "1,234" in shown


def test_code_of_a_cell_stands_in_that_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not in the file that the kernel keeps it as."""
    import IPython
    from IPython.core import compilerop

    of_ipython: Any = compilerop
    compiler = of_ipython.CachingCompiler()
    file = compiler.cache("pass", 3)
    assert places.short(file) != "In[3]"
    monkeypatch.setattr(IPython, "get_ipython", lambda: SimpleNamespace(compile=compiler))
    assert (cell_name(file), places.short(file)) == ("In[3]", "In[3]")
    assert cell_name(__file__) is None


def test_where_no_command_finds_a_class_a_call_is_told() -> None:
    """One that can be made in the cell below: a class or a program of a notebook lies in no file."""

    class Forgetful(everyturn.revisions.Independent):
        async def cancel(self) -> None:
            """Forget it."""

    Forgetful.__module__ = "__main__"
    found = everyturn.check(Forgetful, "A+1c", invariants=["no-lost-cancel"])
    told = str(found.explain()).splitlines()[-1].removeprefix("Step by step: ")
    assert (
        told == f"everyturn.replay({found.tokens['no-lost-cancel']!r}, agent=Forgetful, invariants=['no-lost-cancel'])"
    )
    assert eval(told, {"everyturn": everyturn, "Forgetful": Forgetful}).violated == ["no-lost-cancel"]
    assert "everyturn.explain(" in found.report().html
    assert hints.of_program("replay", "ea1-x", "scenario", "__main__:two_users") == (
        "everyturn.replay('ea1-x', scenario=two_users)"
    )


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
