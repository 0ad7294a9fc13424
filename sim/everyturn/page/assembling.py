"""One file of HTML from the page's parts: nothing in it is fetched, and what it shows of others' words is inert.

The contents are JSON in a script element that no browser runs, with every ``<`` escaped; the page's policy allows its
own style and script by their hashes, and nothing else.
"""

from __future__ import annotations

import base64
import hashlib
from html import escape
from importlib.resources import files
from typing import Final

import msgspec

from everyturn.page.contents import Page
from everyturn.printing import printable

SCRIPTS: Final = (
    "story.js",
    "values.js",
    "expressions.js",
    "elements.js",
    "diagram.js",
    "watch.js",
    "panels.js",
    "compare.js",
    "header.js",
    "chart.js",
    "player.js",
)
"""The parts of the page's script, in the order in which they stand in it."""


def html(page: Page) -> str:
    """The whole page."""
    script = '"use strict";\n(() => {\n' + "\n".join(map(_asset, SCRIPTS)) + "\n})();\n"
    style = _asset("page.css")
    policy = (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; base-uri 'none'; "
        "form-action 'none'"
    )
    whole = _asset("page.html")
    for name, text in (
        ("POLICY", escape(policy)),
        ("TITLE", escape(printable(page.title))),
        ("STYLE", style),
        ("CONTENTS", embedded(page)),
        ("SCRIPT", script),
    ):
        before, after = whole.split(f"<!--{name}-->")
        whole = before + text + after
    return whole


def embedded(page: Page) -> str:
    """The contents as JSON that cannot end the element that it stands in."""
    text = msgspec.json.encode(page).decode()
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _asset(name: str) -> str:
    return (files("everyturn.page") / "assets" / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
