"""The pages as a site: it is built without a warning, and all that it links to is there."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

import pytest

ROOT: Final = Path(__file__).resolve().parents[1]
DOCS: Final = ROOT / "docs"
LISTED: Final = re.compile(r"^\| \[[^]]+\]\(([\w/]+)\.md\)", re.MULTILINE)
MISSING: Final = [name for name in ("furo", "myst_parser", "sphinx") if find_spec(name) is None]

pytestmark = pytest.mark.skipif(bool(MISSING), reason="no Sphinx here: python -m pip install '.[docs]'")


class Linked(HTMLParser):
    """What a page of HTML links to, and the names under which its parts can be linked to."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.targets: set[str] = set()
        self.names: set[str] = set()
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id" and value:
                self.names.add(value)
            if name in ("href", "src") and value:
                self.targets.add(value)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the site; every warning is an error."""
    built = tmp_path_factory.mktemp("site")
    options = ["-b", "html", "--fail-on-warning", "--keep-going", "--nitpicky", "--quiet"]
    command = [sys.executable, "-m", "sphinx", *options, "-d", str(built / "trees"), str(DOCS), str(built / "html")]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (made.returncode, made.stderr) == (0, "")
    return built / "html"


def test_the_list_of_pages_names_each_once() -> None:
    """What the site's contents are made of."""
    listed = LISTED.findall((DOCS / "README.md").read_text(encoding="utf-8"))
    pages = {str(page.relative_to(DOCS).with_suffix("")) for page in DOCS.rglob("*.md") if "_build" not in page.parts}
    assert sorted(listed) == sorted(pages - {"README", "index"})


def test_the_site_has_the_pages_in_the_order_of_the_list(site: Path) -> None:
    """Headings and pages, in the contents at the side of each page."""
    page = (site / "index.html").read_text(encoding="utf-8")
    tree = page.partition('<div class="sidebar-tree">')[2].partition("</div>")[0]
    listed = (DOCS / "README.md").read_text(encoding="utf-8")
    assert re.findall(r'class="caption-text">(.*?)</span>', tree) == re.findall(r"^## (.*)$", listed, re.MULTILINE)
    assert re.findall(r'internal" href="([\w/]+)\.html"', tree) == LISTED.findall(listed)


def test_every_link_of_the_site_leads_to_a_page_and_to_a_part_of_it(site: Path) -> None:
    """Pictures, style, the slides of the lesson and anchors as well."""
    pages = {page: Linked(page) for page in site.rglob("*.html")}
    missing = []
    for page, linked in pages.items():
        for target in linked.targets:
            link = urlsplit(target)
            leads = (page.parent / unquote(link.path)).resolve() if link.path else page
            if link.scheme in ("http", "https", "data", "mailto"):
                continue
            names = pages[leads].names if leads in pages else set()
            if not leads.exists() or (leads in pages and link.fragment and link.fragment not in names):
                missing.append((page.name, target))
    assert len(pages) > 30
    assert missing == []


def test_the_site_asks_nobody_for_anything(site: Path) -> None:
    """It opens from a folder, without a network: no script, style or picture comes from elsewhere."""
    fetched = re.compile(r'<(?:script|img|link)\b[^>]*?(?:src|href)="(https?:)?//', re.IGNORECASE)
    assert [page.name for page in site.rglob("*.html") if fetched.search(page.read_text(encoding="utf-8"))] == []
