"""An excerpt as a picture: time goes down, each prompt and operation has a lane, and each step its words beside it.
SVG, inline."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Final

from everyturn.logs.excerpt import Excerpt, ExcerptRow, Sign
from everyturn.logs.words import words
from everyturn.printing import printable
from everyturn.reports.short_names import shortened

_ROW: Final = 24
_TOP: Final = 34
_LANE: Final = 62
_LEFT: Final = 46
_CHAR: Final = 6.6
_NAME: Final = 8
"""So many characters of a lane's name are shown at most."""

_LONGEST: Final = 120


def diagram(excerpt: Excerpt, waiting: tuple[str, ...]) -> str:
    """The picture, as one ``svg`` element; colours are the page's classes."""
    texts = [_said(row) for row in excerpt.rows]
    beside = _LEFT + _LANE * (len(excerpt.lanes) + excerpt.session) + 6
    width = round(beside + max((len(text) for text in texts), default=0) * _CHAR) + 16
    height = _TOP + _ROW * len(excerpt.rows) + (14 if waiting else 4)
    parts = [*_rails(excerpt, height), *_spans(excerpt, height), *_steps(excerpt, texts, beside)]
    label = "What happened, step by step; the same is told in words below."
    head = f'<svg role="img" aria-label="{label}" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
    return f"{head}{''.join(parts)}</svg>"


def _said(row: ExcerptRow) -> str:
    text = printable(words(row.event))
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _across(excerpt: Excerpt, lane: str | None) -> int:
    """Where a lane is; the session's own is the last."""
    index = len(excerpt.lanes) if lane is None else excerpt.lanes.index(lane)
    return _LEFT + _LANE * index + _LANE // 2


def _down(index: int) -> int:
    return _TOP + _ROW * index + _ROW // 2


def _rails(excerpt: Excerpt, height: int) -> Iterator[str]:
    shown = shortened([printable(lane) for lane in excerpt.lanes], _NAME)
    for lane in (*excerpt.lanes, None) if excerpt.session else excerpt.lanes:
        name = "session" if lane is None else printable(lane)
        across = _across(excerpt, lane)
        title = f"<title>{escape(name)}</title>"
        yield f'<line class="rail" x1="{across}" x2="{across}" y1="{_TOP - 8}" y2="{height - 4}"/>'
        yield f'<text class="lane" x="{across}" y="18">{title}{escape(shown.get(name, name))}</text>'


def _spans(excerpt: Excerpt, height: int) -> Iterator[str]:
    for span in excerpt.spans:
        across = _across(excerpt, span.lane) + (14 if span.kind == "wait" else 0)
        end = height - 4 if span.kind == "wait" else _down(span.end)
        yield f'<line class="{span.kind}" x1="{across}" x2="{across}" y1="{_down(span.begin)}" y2="{end}"/>'


def _steps(excerpt: Excerpt, texts: list[str], beside: int) -> Iterator[str]:
    place = None
    for index, (row, text) in enumerate(zip(excerpt.rows, texts, strict=True)):
        across, down = _across(excerpt, row.lane), _down(index)
        if row.place != place:
            yield f'<text class="place" x="{_LEFT - 8}" y="{down + 4}">{row.place}</text>'
        place = row.place
        kind = {Sign.SEEN: "seen", Sign.HIDDEN: "step", Sign.REFUSED: "bad"}[row.sign]
        if row.sign is Sign.REFUSED:
            yield f'<path class="bad" d="M{across - 6} {down - 6}l12 12m0 -12l-12 12"/>'
        else:
            yield f'<circle class="{kind}" cx="{across}" cy="{down}" r="{4 if row.sign is Sign.SEEN else 4.5}"/>'
        yield f'<text class="{kind}" x="{beside}" y="{down + 4}">{escape(text)}</text>'
