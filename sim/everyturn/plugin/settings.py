"""What pytest was told of the plugin's questions, on the command line and in its configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from everyturn.durations import parsed_duration
from everyturn.errors import EveryturnError, UsageError
from everyturn.files.writing import expect_folder


class Settings(NamedTuple):
    """What the command line and the configuration say."""

    over: Mapping[str, Any]
    under: Mapping[str, Any]
    replay: str | None
    report_dir: str | None
    shrink: bool
    allow_undetermined: bool
    check_determinism: bool
    published: bool


def settings(config: pytest.Config) -> Settings:
    """What pytest was told: ``over`` counts more than a test's words, ``under`` less. Raises :class:`UsageError`."""
    options = {name: config.getoption(f"everyturn_{name}") for name in _READ}
    lines = {name: config.getini(f"everyturn_{name}") or None for name in _READ}
    if lines["seed"] == "random":  # then one was drawn, as if it stood on the command line
        del lines["seed"]
    return Settings(
        over={name: _READ[name](f"--everyturn-{name.replace('_', '-')}", text) for name, text in _given(options)},
        under={name: _READ[name](f"everyturn_{name}", text) for name, text in _given(lines)},
        replay=config.getoption("everyturn_replay"),
        report_dir=config.getoption("everyturn_report_dir") or config.getini("everyturn_report_dir") or None,
        shrink=not (config.getoption("everyturn_no_shrink") or config.getini("everyturn_no_shrink")),
        allow_undetermined=config.getoption("everyturn_allow_undetermined")
        or config.getini("everyturn_allow_undetermined"),
        check_determinism=config.getoption("everyturn_check_determinism")
        or config.getini("everyturn_check_determinism"),
        published=config.getoption("everyturn_github") or config.getoption("everyturn_sarif") is not None,
    )


def expect_right(config: pytest.Config) -> None:
    """Raise :class:`pytest.UsageError` for an option, or a line of the configuration, that no test could use."""
    try:
        told = settings(config)
        if told.replay is not None:
            from everyturn.plugin.tokens_of_tests import whose

            whose(told.replay)
        if told.report_dir is not None:
            expect_folder(Path(told.report_dir))
    except EveryturnError as error:
        raise pytest.UsageError(f"everyturn: {error}") from None


def _given(texts: Mapping[str, str | None]) -> list[tuple[str, str]]:
    return [(name, text) for name, text in texts.items() if text is not None]


def _whole(where: str, text: str, least: int = 0) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19 and int(text) >= least):
        raise UsageError(f"{where}: expected a whole number from {least}; found {text!r}")
    return int(text)


def _runs(where: str, text: str) -> int:
    return _whole(where, text, 1)


def _seconds(where: str, text: str) -> float:
    try:
        seconds = parsed_duration(text)
    except ValueError as error:
        raise UsageError(f"{where}: {error}") from None
    if not seconds:
        raise UsageError(f"{where}: expected a duration above 0; found {text!r}")
    return seconds


def _strategy(where: str, text: str) -> str:
    from everyturn.strategies import strategy_entry

    try:
        strategy_entry(text)
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from None
    return text


_READ: Final[Mapping[str, Callable[[str, str], Any]]] = {
    "seed": _whole,
    "runs": _runs,
    "max_seconds": _seconds,
    "strategy": _strategy,
}
