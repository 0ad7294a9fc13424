"""A counterexample as a page to step through."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from html import escape
from pathlib import Path

from everyturn.explanation.no_return import BUDGET
from everyturn.files.writing import written
from everyturn.front.asking import Agent, ScenarioOrName, SessionOrName, dispatcher
from everyturn.front.undisturbed import undisturbed
from everyturn.page.contents import MOST_STATES, Page
from everyturn.verdicts.selection import Wanted


class Report:
    """A page about one counterexample or several: one HTML file that needs no network. A notebook shows it."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def __repr__(self) -> str:
        return f"Report({self.page.title}: {len(self.html):,} bytes)"

    @cached_property
    def html(self) -> str:
        """The whole page."""
        from everyturn.page.assembling import html

        return html(self.page)

    def write(self, path: str | Path) -> None:
        """Write the page. Raises :class:`~everyturn.UsageError` if that cannot be done."""
        written(Path(path), [self.html.encode()])

    def _repr_html_(self) -> str:
        frame = "width: 100%; height: 48rem; border: 1px solid #8886; border-radius: .4rem"
        title = escape(self.page.title)
        return f'<iframe title="{title}" sandbox="allow-scripts" style="{frame}" srcdoc="{escape(self.html)}"></iframe>'


@undisturbed
def report(
    source: str | Path,
    *,
    agent: Agent | None = None,
    invariants: Sequence[Wanted] = (),
    budget: int = BUDGET,
    states: int = MOST_STATES,
    scenario: ScenarioOrName | None = None,
    session: SessionOrName | None = None,
    remedies: bool = True,
) -> Report:
    """A page to step through: of a token, a trace file, or a document that `everyturn check --json` has written.

    ``agent``, ``invariants``, ``budget`` and errors: as for :func:`explain`. ``states``: how many states the page
    carries at most, so that its reader can choose who goes next. ``scenario``, ``session``: the asyncio program, or
    the adapter, whose run a token is of. ``remedies``: look for a known change that is proved to prevent it.
    """
    from everyturn.page.opening import Asking, page_of

    chosen = None if agent is None else dispatcher(agent)
    asking = Asking(invariants, chosen, budget, states, scenario=scenario, session=session, remedies=remedies)
    return Report(page_of(str(source), asking))
