"""The game: a page, in a file or in a notebook."""

from __future__ import annotations

from html import escape
from pathlib import Path

from everyturn.errors import UsageError
from everyturn.files.writing import replacing
from everyturn.front.undisturbed import undisturbed
from everyturn.game.levels import LEVELS
from everyturn.game.page import page
from everyturn.printing import one_of


class GamePage:
    """Levels of the game as one page that needs nothing else. A notebook shows it, and it can be played there."""

    def __init__(self, names: tuple[str, ...], html: str) -> None:
        self.names = names
        self.html = html

    def __repr__(self) -> str:
        return f"GamePage({', '.join(self.names)})"

    def save(self, path: str | Path) -> Path:
        """Write the page into a file; where it is. Raises :class:`~everyturn.UsageError` if it cannot be written."""
        with replacing(Path(path)) as file:
            file.write(self.html.encode())
        return Path(path)

    def _repr_html_(self) -> str:
        return f'<iframe title="You are the scheduler" srcdoc="{escape(self.html)}" width="100%" height="900"></iframe>'


@undisturbed
def play(*names: str) -> GamePage:
    """Be the scheduler: the page of these levels of the game, none named: of all.

    Raises :class:`~everyturn.UsageError` for a name that no level has.
    """
    known = {level.name: level for level in LEVELS}
    for name in names:
        if name not in known:
            raise UsageError(f"level {name!r}: expected {one_of(known, name)}")
    chosen = tuple(names) or tuple(known)
    return GamePage(chosen, page([known[name] for name in chosen]))
