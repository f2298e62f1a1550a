"""A bad object in a running fleet is left out and named, and everything else goes on."""

from __future__ import annotations

import pytest

from meshfleet.dataplane.node.left_out import CONDITION
from meshfleet.testing import FleetUnderTest, settled

pytestmark = [
    pytest.mark.root("pods that are processes"),
    pytest.mark.proof("one bad object never stops another on a node", step=4),
]

SLICE = """\
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: echo-six
  namespace: sample
  labels: {kubernetes.io/service-name: echo}
addressType: IPv6
ports: [{name: http, port: 8080, protocol: TCP}]
endpoints: [{addresses: ["2001:db8::1"], conditions: {ready: true}}]
"""


def test_a_slice_of_another_family_is_named_and_new_pods_come(dev_fleet: FleetUnderTest) -> None:
    sandbox = dev_fleet.sandbox
    sandbox.meshfleet("status", "--stack", "dev", "--json")
    path = sandbox.folder / "slice.yaml"
    path.write_text(SLICE, encoding="utf-8")
    sandbox.kubectl("dev", "west", "apply", "-f", str(path))
    try:
        assert settled(lambda: any("its addresses are IPv6" in one for one in _events(dev_fleet)), 20)
        # The condition goes with the heartbeat of the node.
        assert settled(lambda: _accepted(dev_fleet) == {"False"}, 20)
        report = sandbox.meshfleet("verify", "--stack", "dev", "--json", "--seconds", "15", expect=1).report
        failed = {(one["name"], one["cluster"]): one["detail"] for one in report["checks"] if not one["ok"]}
        assert set(failed) == {("node-objects", "west")}
        assert "EndpointSlice sample/echo-six" in failed["node-objects", "west"]
        sandbox.kubectl("dev", "west", "delete", "pods", "-n", "sample", "-l", "app=echo", "--wait=true")
        sandbox.kubectl("dev", "west", "rollout", "status", "deployment/echo-v1", "-n", "sample", "--timeout=60s")
    finally:
        sandbox.kubectl("dev", "west", "delete", "-f", str(path))
    assert settled(lambda: _accepted(dev_fleet) == {"True"}, 30)
    assert sandbox.meshfleet("verify", "--stack", "dev", "--json").report["ok"]


def _accepted(dev_fleet: FleetUnderTest) -> set[str]:
    """The condition of the nodes of west that says whether they do all that is there for them."""
    nodes = dev_fleet.sandbox.get("dev", "west", "nodes")["items"]
    conditions = [one for node in nodes for one in node["status"].get("conditions", ())]
    return {one["status"] for one in conditions if one["type"] == CONDITION}


def _events(dev_fleet: FleetUnderTest) -> list[str]:
    """What events on the slice say."""
    found = dev_fleet.sandbox.get("dev", "west", "events", "-n", "sample")["items"]
    return [one["message"] for one in found if one["involvedObject"]["name"] == "echo-six"]
