"""What a monitor says that it sees is all that it looks at: no engine shows it anything else."""

from __future__ import annotations

import ast
import inspect
import textwrap

import pytest

from everyturn_model import events
from everyturn_model.invariants import INVARIANTS, Invariant

KINDS = {
    name
    for name, each in vars(events).items()
    if inspect.isclass(each) and hasattr(each, "__dataclass_fields__") and each is not events.SharedData
}


@pytest.mark.parametrize("invariant", INVARIANTS, ids=lambda each: each.name)
def test_a_monitor_sees_every_event_that_it_names(invariant: Invariant) -> None:
    """An event that ``step`` names but ``sees`` leaves out would be kept from it, and its violations missed, by all
    engines."""
    (function,) = ast.parse(textwrap.dedent(inspect.getsource(invariant.step))).body
    assert isinstance(function, ast.FunctionDef)
    nodes = [node for statement in function.body for node in ast.walk(statement)]
    named = {node.id for node in nodes if isinstance(node, ast.Name)} & KINDS
    assert named, "a monitor that names no event cannot be compared"
    assert not invariant.sees or named <= {each.__name__ for each in invariant.sees}
