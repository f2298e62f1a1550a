"""`meshfleet:index:EmbeddedNode`: a node of an embedded cluster whose pods run as processes, where that can be.

Another range of pods is another node. On another network it stays on the one before until no pod of that is left, so
that none is lost (dataplane/network/node_network.py). Whether pods can be processes is looked at each time it starts.
"""

from __future__ import annotations

from typing import Final

from meshfleet.dataplane.node.node_agent import NodeAgent, NodeSpec, expected_state
from meshfleet.plugins.meshfleet.handler import Created, Difference, Fault, Properties, changed
from meshfleet.plugins.meshfleet.input_checks import (
    check_known,
    check_names,
    check_optional_texts,
    check_ranges,
    check_texts,
)
from meshfleet.workspace.home import Workspace

_IDENTITY: Final = ("fleet", "cluster")
_REPLACING: Final = frozenset({*_IDENTITY, "podCidr"})
_OPTIONAL: Final = ("podCidr", "region", "zone", "context")
RUNNING: Final = "running"
SIMULATED: Final = "simulated"


class EmbeddedNodeHandler:
    """Life cycle of a node and its agent; see `ResourceHandler`."""

    outputs = frozenset({"state", "pods"})
    secret_inputs = frozenset({"kubeconfig"})
    secret_outputs: frozenset[str] = frozenset()

    def check(self, inputs: Properties) -> tuple[Properties, list[Fault]]:
        """No defaults."""
        return inputs, [
            *check_known(inputs, (*_IDENTITY, "network", "kubeconfig", *_OPTIONAL)),
            *check_names(inputs, (*_IDENTITY, "network")),
            *check_texts(inputs, ("kubeconfig",)),
            *check_ranges(inputs, ("podCidr",)),
            *check_optional_texts(inputs, ("region", "zone", "context")),
        ]

    def diff(self, old_inputs: Properties, old_outputs: Properties, new_inputs: Properties) -> Difference:
        """`state` differs when the agent is not there, or when what it lacked has come: the next up starts it."""
        names = changed(old_inputs, new_inputs)
        replaces = tuple(name for name in names if name in _REPLACING)
        updates = tuple(name for name in names if name not in _REPLACING)
        state = _agent(old_inputs).state()
        # Where its agent runs, what it takes is there; trying that starts a dozen programs.
        wanted = RUNNING if state == RUNNING else expected_state()
        if not replaces and (state != wanted or state != old_outputs.get("state")):
            updates = (*updates, "state")
        return Difference(updates, replaces, delete_before_replace=True)

    def preview(self, old_outputs: Properties | None, new_inputs: Properties) -> Properties:
        """Nothing is certain before it has started."""
        return {}

    def create(self, inputs: Properties, timeout: float) -> Created:
        """Starts the agent and waits until the cluster has the node."""
        return Created("/".join(str(inputs[name]) for name in _IDENTITY), _start(inputs, timeout))

    def read(self, identifier: str, inputs: Properties, old_outputs: Properties) -> Properties | None:
        """`state` as it is now; gone when not even its directory is left."""
        state = _agent(inputs).state()
        return None if state is None else old_outputs | {"state": state}

    def update(
        self,
        identifier: str,
        old_inputs: Properties,
        old_outputs: Properties,
        new_inputs: Properties,
        timeout: float,
    ) -> Properties:
        """Starts the agent, again if something changed; its pods go on meanwhile."""
        return _start(new_inputs, timeout)

    def delete(self, identifier: str, inputs: Properties, old_outputs: Properties, timeout: float) -> None:
        """Ends the agent and its pods, and removes their network."""
        _agent(inputs).delete(inputs.get("kubeconfig"), inputs.get("context"))


def _agent(inputs: Properties) -> NodeAgent:
    return NodeAgent(Workspace.of(str(inputs["fleet"])), str(inputs["cluster"]))


def _start(inputs: Properties, timeout: float) -> Properties:
    spec = NodeSpec(
        cluster=inputs["cluster"],
        network=inputs["network"],
        pods=inputs.get("podCidr"),
        region=inputs.get("region"),
        zone=inputs.get("zone"),
    )
    state = _agent(inputs).create(spec, inputs["kubeconfig"], inputs.get("context"), timeout)
    return {"state": state, "pods": "processes" if state == RUNNING else SIMULATED}
