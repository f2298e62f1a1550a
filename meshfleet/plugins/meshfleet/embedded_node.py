"""`meshfleet:index:EmbeddedNode`: a node of an embedded cluster whose pods run as processes, where that can be.

Another range of pods is another node. On another network it stays on the one before until no pod of that is left, so
that none is lost (dataplane/network/node_network.py). Whether pods can be processes is looked at each time it starts.
"""

from __future__ import annotations

from typing import Final

from meshfleet.dataplane.node.node_agent import NodeAgent, NodeSpec, expected_state
from meshfleet.plugins.meshfleet.handler import Fault, Properties
from meshfleet.plugins.meshfleet.input_checks import (
    check_known,
    check_names,
    check_optional_texts,
    check_ranges,
    check_texts,
)
from meshfleet.plugins.meshfleet.process_handler import RUNNING, ProcessHandler
from meshfleet.workspace.home import Workspace

_OPTIONAL: Final = ("podCidr", "region", "zone", "context")
SIMULATED: Final = "simulated"


class EmbeddedNodeHandler(ProcessHandler):
    """Life cycle of a node and its agent; see `ResourceHandler`."""

    replacing = frozenset({"podCidr"})
    outputs = frozenset({"state", "pods"})
    secret_inputs = frozenset({"kubeconfig"})

    def check(self, inputs: Properties) -> tuple[Properties, list[Fault]]:
        """No defaults."""
        return inputs, [
            *check_known(inputs, (*self.identity, "network", "kubeconfig", *_OPTIONAL)),
            *check_names(inputs, (*self.identity, "network")),
            *check_texts(inputs, ("kubeconfig",)),
            *check_ranges(inputs, ("podCidr",)),
            *check_optional_texts(inputs, ("region", "zone", "context")),
        ]

    def outdated(self, old_inputs: Properties, old_outputs: Properties) -> bool:
        """Whether the agent is not there, or what it lacked has come."""
        state = self.process(old_inputs).state()
        # Where its agent runs, what it takes is there; trying that starts a dozen programs.
        wanted = RUNNING if state == RUNNING else expected_state()
        return state != wanted or state != old_outputs.get("state")

    def preview(self, old_outputs: Properties | None, new_inputs: Properties) -> Properties:
        """Nothing is certain before it has started."""
        return {}

    def delete(self, identifier: str, inputs: Properties, old_outputs: Properties, timeout: float) -> None:
        """Ends the agent and its pods, and removes their network."""
        self.process(inputs).delete(inputs.get("kubeconfig"), inputs.get("context"))

    def process(self, inputs: Properties) -> NodeAgent:
        """The agent of a cluster's node."""
        return NodeAgent(Workspace.of(str(inputs["fleet"])), str(inputs["cluster"]))

    def start(self, inputs: Properties, timeout: float) -> Properties:
        """Waits until the cluster has the node; where the agent is started again its pods go on meanwhile."""
        spec = NodeSpec(
            cluster=inputs["cluster"],
            network=inputs["network"],
            pods=inputs.get("podCidr"),
            region=inputs.get("region"),
            zone=inputs.get("zone"),
        )
        state = self.process(inputs).create(spec, inputs["kubeconfig"], inputs.get("context"), timeout)
        return {"state": state, "pods": "processes" if state == RUNNING else SIMULATED}
