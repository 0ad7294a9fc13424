"""Strategies for Hypothesis, and state machines that drive any agent, against ports or in asyncio.

Needs Hypothesis, which this package does not bring.
"""

from everyturn.hypothesis.asyncio_machine import AsyncioMachine, scenario_machine, session_machine
from everyturn.hypothesis.client_machine import ClientMachine, ClientProgram
from everyturn.hypothesis.machine import AgentMachine, agent_machine
from everyturn.hypothesis.refuted import AgentRefuted
from everyturn.hypothesis.strategies import promises, scopes, workloads
from everyturn.hypothesis.workload import DrawnWorkload, WorkloadRun

__all__ = [
    "AgentMachine",
    "AgentRefuted",
    "AsyncioMachine",
    "ClientMachine",
    "ClientProgram",
    "DrawnWorkload",
    "WorkloadRun",
    "agent_machine",
    "promises",
    "scenario_machine",
    "scopes",
    "session_machine",
    "workloads",
]
