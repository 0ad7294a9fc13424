"""Headless Chromium, and pages that are open in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

CHROMIUM: Final = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """One browser for all tests of a file."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="no playwright: expected the extra `dev`")
    with sync_api.sync_playwright() as playwright:
        sandbox = [] if os.geteuid() else ["--no-sandbox"]
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=sandbox)
        yield running
        running.close()


class Opened:
    """A page that is open, with all that it said on its console and asked the network for."""

    def __init__(self, tab: Any, file: Path) -> None:
        self.tab = tab
        self.file = file
        self.said: list[str] = []
        self.asked: list[str] = []
        tab.on("console", lambda message: self.said.append(message.text))
        tab.on("pageerror", lambda error: self.said.append(str(error)))
        tab.on("dialog", lambda dialog: self.said.append(dialog.message))
        tab.on("request", lambda request: self.asked.append(request.url))

    def go(self, address: str = "") -> Opened:
        self.tab.goto("about:blank")
        self.tab.goto(f"{self.file.as_uri()}{address}")
        return self

    @property
    def step(self) -> int:
        return int(self.tab.locator("#slider").input_value())

    @property
    def told(self) -> str:
        return str(self.tab.locator("#said").text_content())

    def text(self, selector: str) -> str:
        return str(self.tab.locator(selector).inner_text())

    def press(self, *keys: str) -> None:
        for key in keys:
            self.tab.keyboard.press(key)

    def check_quiet(self) -> None:
        """Nothing was said on the console, and nothing but files of the tests was asked for."""
        assert self.said == []
        assert [url for url in self.asked if url.partition("#")[0] not in (self.file.as_uri(), "about:blank")] == []
