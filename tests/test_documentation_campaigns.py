"""The page on campaigns: its file is run, and its tables are those of the code."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from click.testing import CliRunner

from everyturn.campaigns.campaign import CampaignProfile, CampaignTables, CellTable
from everyturn.campaigns.known import KnownFailure, Since
from everyturn.cli import main

PAGE: Final = (Path(__file__).resolve().parents[1] / "docs" / "campaigns.md").read_text(encoding="utf-8")


def test_the_campaign_of_the_page_runs(tmp_path: Path) -> None:
    """With the profile of a change: it finds what stands in the newest revision, and knows it from then on."""
    (text, *_) = re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    file = tmp_path / "nightly.toml"
    file.write_text(text.replace("runs = 50\n", "runs = 5\n"))
    command = ["campaign", str(file), "--profile", "pull-request", "--jobs", "1"]
    first = CliRunner().invoke(main, [*command, "--keep"])
    assert first.exit_code == 1, first.output
    assert "new     revision d10-newest" in first.stdout
    assert "3 proved" in first.stdout
    again = CliRunner().invoke(main, command)
    assert again.exit_code == 0, again.output
    assert "still failing (its run)" in again.stdout
    assert "new " not in again.stdout


def test_the_keys_of_the_page_are_those_of_the_file() -> None:
    """No key is left out."""
    table = PAGE.partition("| key |")[2].partition("\n\n")[0]
    named = set(re.findall(r"`(\w+)`", table)) | {"cells", "profiles"}
    known = {*CampaignTables.__struct_fields__, *CellTable.__struct_fields__, *CampaignProfile.__struct_fields__}
    assert known - named == set()


def test_what_has_become_of_known_failures_is_explained() -> None:
    assert set(
        re.findall(r"^\| (\w[\w ]+) \| [a-z]", PAGE.partition("| since |")[2].partition("\n## ")[0], re.MULTILINE)
    ) == {str(each) for each in Since}
    (_, known) = re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert set(re.findall(r"^(\w+) = ", known, re.MULTILINE)) <= set(KnownFailure.__struct_fields__)
