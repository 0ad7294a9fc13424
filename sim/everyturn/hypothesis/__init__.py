"""Strategies for Hypothesis, and a state machine that drives any agent against the specification.

Needs Hypothesis, which this package does not bring.
"""

from everyturn.hypothesis.machine import AgentMachine, AgentRefuted, agent_machine
from everyturn.hypothesis.strategies import promises, scopes, workloads
from everyturn.hypothesis.workload import DrawnWorkload, WorkloadRun

__all__ = [
    "AgentMachine",
    "AgentRefuted",
    "DrawnWorkload",
    "WorkloadRun",
    "agent_machine",
    "promises",
    "scopes",
    "workloads",
]
