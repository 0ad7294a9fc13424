"""Files of studies, the page that tells of them, and the recorded logs that they name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sim.test_studies import FILE, ROOT, STUDIES, simulate

from everyturn.errors import UsageError
from everyturn.studies.distributions import Constant, Empirical, Exponential, Gamma, Lognormal
from everyturn.studies.recorded import Visit, durations, visits
from everyturn.studies.results import MEASURES, check_measures
from everyturn.studies.study import (
    Bursts,
    Cancels,
    Faults,
    Latency,
    Plot,
    Poisson,
    RecordedArrivals,
    Study,
    Subscribers,
    Users,
    read_study,
    source,
)

# files ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_every_shipped_study_can_be_read_and_has_a_question(path: Path) -> None:
    """And says what it plots, at least four points a curve, and some hundred virtual hours for each."""
    found = read_study(path)
    study = found.study()
    check_measures(study, str(path))
    assert study.question
    assert study.replications >= 10
    assert (study.hours - study.warm_up_hours) * study.replications >= 100
    assert all(len(values) >= 4 for values in study.vary.values())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("title = 'x'", "expected a key `arrivals`; found none"),
        (
            "title = 'x'\n[arrivals]\nkind = 'tide'",
            "arrivals.kind: expected one of poisson, bursts, users, recorded; found 'tide'",
        ),
        (
            "title = 'x'\n[arrivals]\nkind = 'poisson'\nper_minute = 'two'",
            "arrivals.per_minute: expected `float`; found `str`",
        ),
        ("title = 'x'\n[arrivals]\nkind = 'poisson'\nper_minute = -1", "arrivals.per_minute: expected `float` >= 0"),
        ("title = 'x'\nhour = 3\n[arrivals]\nkind = 'poisson'\nper_minute = 1", "expected no other keys; found `hour`"),
        (
            FILE + "[latency]\nstore = {kind = 'lognormal', median = 2, p95 = 1}",
            "latency.store: expected `p95` of at least",
        ),
        (FILE + "[faults]\nprovider_error = 0.7\ntool_round = 0.7", "faults: expected `provider_error`"),
        (FILE + "'cancels.per_day' = [1]", "cancels: expected no other keys; found `per_day`"),
        (FILE + "'title.x' = [1]", "title.x: expected a table 'title'; found 'Small'"),
        (FILE + "'latency.store.mean' = [1, 2]", "latency.store: expected a key `kind`"),
        (
            FILE.replace("hours = 1", "hours = 1\nwarm_up_hours = 1"),
            "expected `warm_up_hours` below `hours` (1); found 1",
        ),
        (FILE.replace('"d4"', '"d99"'), "revision 'd99'"),
        (FILE + "[plot]\ny = ['fun']", "plot.y: expected one of completions_per_hour"),
        (FILE + "[plot]\nkind = 'pie'", "plot.kind: expected one of curves, bars; found 'pie'"),
        (
            FILE + "[latency]\nstore = {kind = 'even'}",
            "expected one of constant, exponential, lognormal, gamma, empirical",
        ),
        (FILE.replace("replications = 2", "replications = 0"), "replications: expected `int` >= 1; found 0"),
        (FILE.replace("[0, 30]", "[30, 30]"), "cancels.per_hour: expected different values; found 30 twice"),
        (FILE.replace('"d3", "d4"', '"d4", "d4-independent"'), "revisions: expected different values; found 'd4-i"),
        ("title = ", "expected TOML in UTF-8"),
        (
            "title = 'x'\n[arrivals]\nkind = 'recorded'\nlog = 'no.jsonl'\npause = {kind = 'constant', seconds = "
            "1}\n[plot]\nkind = 'bars'",
            "no.jsonl: expected a file that can be read",
        ),
    ],
)
def test_a_wrong_file_is_one_clear_line_and_exit_code_2(tmp_path: Path, text: str, said: str) -> None:
    """What was expected, what was found and where."""
    path = tmp_path / "wrong.toml"
    path.write_text(text)
    result = simulate(str(path))
    assert result.exit_code == 2, result.output
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1


leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["poisson", "users"])
)
names = st.sampled_from(
    ["title", "arrivals", "kind", "per_minute", "vary", "hours", "latency", "store", "plot"]
) | st.text(max_size=3)


@given(
    st.dictionaries(
        names,
        st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4)),
    )
)
def test_whatever_a_file_says_it_is_a_study_or_a_usage_error(raw: dict[str, Any]) -> None:
    """No other exception, whatever the tables hold."""
    try:
        assert source(raw, "any").cells()
    except UsageError as error:
        assert str(error).startswith(("any", "revision", "agent"))


def test_paths_in_a_study_are_relative_to_its_file(tmp_path: Path) -> None:
    """So that a study can be run from anywhere."""
    (tmp_path / "s.toml").write_text(
        FILE.replace("[vary]", "[latency]\nstream = {kind='empirical', log='x/y.jsonl', of='stream'}\n[vary]")
    )
    stream = read_study(tmp_path / "s.toml").study().latency.stream
    assert getattr(stream, "log", None) == str(tmp_path / "x" / "y.jsonl")


PAGE = (ROOT / "docs" / "studies.md").read_text(encoding="utf-8")
TABLES = (Study, Poisson, Bursts, Users, RecordedArrivals, Cancels, Latency, Faults, Subscribers, Plot)
DISTRIBUTIONS = (Constant, Exponential, Lognormal, Gamma, Empirical)


@pytest.mark.parametrize("table", [*TABLES, *DISTRIBUTIONS], ids=lambda table: table.__name__)
def test_the_page_names_every_key(table: type[msgspec.Struct]) -> None:
    """A reader of docs/studies.md misses nothing that a file may say, and no kind."""
    keys = [*table.__struct_fields__, *filter(None, [table.__struct_config__.tag])]
    assert [key for key in keys if f"`{key}`" not in PAGE and f"`[{key}]`" not in PAGE] == []


def test_the_page_names_every_measure_and_every_study() -> None:
    """Each study with its command and its picture, which lies beside the page."""
    assert [name for name in MEASURES if f"`{name}`" not in PAGE] == []
    for path in STUDIES:
        assert f"everyturn simulate studies/{path.name}" in PAGE
        assert f"](studies/{path.stem}.png)" in PAGE
        assert (ROOT / "docs" / "studies" / f"{path.stem}.png").is_file()


def test_the_page_shows_a_study_as_it_is() -> None:
    """The file on the page is the one that ships, its comment left out."""
    shown = PAGE.split("```toml\n")[1].split("```")[0]
    shipped = (ROOT / "studies" / "hang_by_cancel_rate.toml").read_text().splitlines(keepends=True)
    assert shown == "".join(line for line in shipped if not line.startswith("#"))


# recorded logs ----------------------------------------------------------------------------------------------------


def lines_of(name: str, run: int) -> list[dict[str, Any]]:
    """The lines of one run of a recording, read without the tool."""
    rows = [json.loads(line) for line in (ROOT / "recordings" / name).read_text().splitlines()]
    return [row for row in rows if row.get("run") == run]


def test_visits_are_the_calls_of_the_recording() -> None:
    """Each prompt, Cancel, ClearQueue and Summarise once, at its call's time, in order."""
    kinds = {each["id"]: each["kind"] for each in lines_of("d4-random.jsonl", 1)[0]["scenario"]["prompts"]}
    first: dict[str, Visit] = {}
    for row in lines_of("d4-random.jsonl", 1):
        name = {
            "accept_call": "prompt",
            "run_call": "prompt",
            "cancel_call": "op",
            "clear_call": "op",
            "summarize_call": "op",
        }.get(row["ev"])
        if name is not None:
            letter = kinds.get(row[name]) or {"ca": "c", "cl": "q", "su": "s"}[row[name][:2]]
            first.setdefault(row[name], Visit(row["t"] / 1e9, letter))
    found = visits(ROOT / "recordings" / "d4-random.jsonl")[1]
    assert [visit.kind for visit in found] == [visit.kind for visit in first.values()]
    assert [visit.after for visit in found] == pytest.approx([visit.after for visit in first.values()])


def test_durations_of_streams_are_those_of_the_recording() -> None:
    """From each start to the end of the same turn's step, cancelled ones left out."""
    path = ROOT / "recordings" / "d3-silent-hand-off.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    starts = {(row["run"], row["turn"], row["step"]): row["t"] for row in rows if row.get("ev") == "stream_start"}
    ends = [row for row in rows if row.get("ev") == "stream_end" and row["how"] != "cancelled"]
    expected = [(row["t"] - starts[row["run"], row["turn"], row["step"]]) / 1e9 for row in ends]
    assert durations(path, "stream") == pytest.approx(expected)
    assert len(expected) > 4
