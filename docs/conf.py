"""How the site is made of these pages: ``make docs``. They are written to be read in the repository as well."""

import re
import shutil
from pathlib import Path
from typing import Any, Final

HERE: Final = Path(__file__).resolve().parent
_SECTION: Final = re.compile(r"^## (.+?)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_PAGE: Final = re.compile(r"^\| \[[^]]+\]\(([\w/]+)\.md\)", re.MULTILINE)
_LINK: Final = re.compile(r"\[([^\]]+)\]\((\.\./[^)]*|[\w/]+\.html)\)")
_FINISHED: Final = ("lesson/slides.html",)
"""Pages of HTML as they are."""

project = "everyturn"
author = "The everyturn maintainers"
extensions = ["myst_parser"]
exclude_patterns = ["README.md", "_build"]
myst_heading_anchors = 3
"""As deep as the pages' headings go; their anchors are those that a repository's site gives them."""
nitpicky = True
html_theme = "furo"
html_title = "everyturn"
html_static_path = ["site.css"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_copyright = False
html_theme_options = {"navigation_with_keys": True}
highlight_language = "text"
"""Of what names no language; nothing is guessed."""


def contents(listed: str) -> str:
    """The list of pages by their titles, and the site's table of contents: a part for each heading, a page for each
    row below it."""
    tables = "".join(f"## {heading}\n{section}" for heading, section in _SECTION.findall(listed))
    trees = (
        f"```{{toctree}}\n:hidden:\n:caption: {heading}\n\n" + "\n".join(_PAGE.findall(section)) + "\n```\n"
        for heading, section in _SECTION.findall(listed)
    )
    return "\n".join((re.sub(r"^\| \[[^]]+\]", "| []", tables, flags=re.MULTILINE), *trees))


def inside(page: str, text: str) -> str:
    """A page's text, in which a link that leads out of this folder is the place of the file in the repository, and one
    to a finished page of HTML opens it."""

    def told(link: re.Match[str]) -> str:
        target = (HERE / page).parent.joinpath(link[2].partition("#")[0]).resolve()
        if not target.is_relative_to(HERE):
            return f"{link[1]} (`{target.relative_to(HERE.parent)}`)"
        return f'<a href="{link[2]}">{link[1]}</a>' if target.suffix == ".html" else link[0]

    return _LINK.sub(told, text)


def _read(app: Any, page: str, source: list[str]) -> None:
    source[0] = inside(page, source[0])
    if page == "index":
        app.env.note_dependency(str(HERE / "README.md"))
        source[0] += "\n" + contents((HERE / "README.md").read_text(encoding="utf-8"))


def _copy(app: Any, failure: Exception | None) -> None:
    for page in _FINISHED if failure is None else ():
        shutil.copy(HERE / page, Path(app.outdir) / page)


def setup(app: Any) -> None:
    """What Sphinx calls first."""
    app.connect("source-read", _read)
    app.connect("build-finished", _copy)
