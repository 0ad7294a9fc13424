"""Durations, as options of commands and of the plugin take them."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from everyturn.cli import main
from everyturn.durations import parsed_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("60s", 60),
        ("5m", 300),
        ("2h", 7200),
        ("90", 90),
        ("1.5h", 5400),
        (".5", 0.5),
        ("0", 0),
        ("1e-3", 0.001),
        (" 10 s ", 10),
    ],
)
def test_a_duration_is_a_number_with_its_unit(text: str, seconds: float) -> None:
    """Without a unit it is in seconds."""
    assert parsed_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "s", "-1", "1d", "1h30m", "nan", "inf", "1e400", "1e99", "999999999h", "6\u0661s", "1 2"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    """Nothing lasts for ever, and nothing less than no time; what was expected and what was found is said."""
    with pytest.raises(ValueError, match="expected a duration such as 60s, 5m or 2h") as refused:
        parsed_duration(text)
    assert f"found {text!r}" in str(refused.value)


@pytest.mark.parametrize("option", ["--budget", "--max-seconds"])
def test_a_campaign_has_a_budget(option: str) -> None:
    """By either name; one of no time is a mistake."""
    result = CliRunner().invoke(main, ["campaign", "none.toml", option, "0s"])
    assert result.exit_code == 2
    assert result.stderr.startswith(
        "everyturn: Invalid value for '--budget' / '--max-seconds': expected a duration above 0"
    )
    result = CliRunner().invoke(main, ["campaign", "none.toml", option, "2m"])
    assert "none.toml" in result.stderr
