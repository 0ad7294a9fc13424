"""The graph of reachable states as a notebook shows it: how large it is, and a picture of a small one."""

from __future__ import annotations

import base64
import io
from html import escape

import networkx

from everyturn.reports.state_plots import MOST_STATES, states_of

SHOWN = ("active", "queue")
"""The values that stand in the picture's states."""


class ReachableStates(networkx.MultiDiGraph):  # type: ignore[misc]  # networkx has no types
    """A graph of networkx whose nodes are states."""

    def __repr__(self) -> str:
        return f"ReachableStates({self._told()})"

    def _told(self) -> str:
        rests = sum(bool(rest) for _, rest in self.nodes(data="rest"))
        violated = sum(bool(names) for _, names in self.nodes(data="violated"))
        where = ", ".join(str(self.graph.get(name, "?")) for name in ("revision", "scope"))
        size = f"{len(self):,} states, {self.number_of_edges():,} transitions, {rests:,} at rest"
        return f"{where}: {size}, {violated:,} of these violate something"

    def _repr_html_(self) -> str:
        """The size in words; below it the states by depth, if there are few enough to be read."""
        told = f"<p>{escape(self._told())}</p>"
        if not 0 < len(self) <= MOST_STATES or not all(set(SHOWN) <= set(each) for _, each in self.nodes(data=True)):
            return told
        drawn = io.BytesIO()
        states_of(self, SHOWN).savefig(drawn, format="png")
        data = base64.b64encode(drawn.getvalue()).decode()
        return f'{told}<img alt="The states, by depth" style="max-width:100%" src="data:image/png;base64,{data}">'
