"""Settings of a mesh in a running fleet: every istiod has them, they work, they change, and what differs is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.faults.stacks import small_fleet
from tests.integration.fleets.endpoint_order import endpoint_order
from tests.integration.fleets.workloads import service_with_a_pod
from tests.integration.world import World, settled

pytestmark = pytest.mark.proof("settings of a mesh, declared once and equal in every primary", step=3)

STACK = "settings"
CLUSTERS = ("west", "east")
HOST = "echo.sample.svc.cluster.local"
SETTINGS = {
    "mtls": "strict",
    "outboundTrafficPolicy": "registry-only",
    "locality": {"failover": [{"from": "west", "to": "east"}, {"from": "east", "to": "west"}]},
    "accessLog": {"encoding": "json"},
    "tracing": {
        "samplingPercentage": 12.5,
        "opentelemetry": {"service": "collector.tools.svc.cluster.local", "port": 4317},
    },
}


def config(settings: dict[str, Any]) -> dict[str, Any]:
    """Two clusters on one network, each in a region called as it is."""
    made = small_fleet(*CLUSTERS)
    made["networks"] = {"shared": {}}
    made["meshes"] = {"mesh1": {"settings": settings}}
    for number, cluster in enumerate(CLUSTERS):
        made["clusters"][cluster] |= {"network": "shared", "region": cluster, "podCidr": f"10.{number + 1}.0.0/16"}
    return made


@pytest.fixture
def fleet(world: World) -> Iterator[World]:
    world.clone.write_stack(STACK, config(SETTINGS))
    world.meshfleet("up", "--stack", STACK, "--json")
    world.meshfleet("status", "--stack", STACK, "--json")
    yield world
    world.meshfleet("destroy", "--stack", STACK, "--yes")
    assert world.remains(STACK) == []


def verify(world: World, *arguments: str) -> dict[str, str]:
    """What did not hold, by check and cluster."""
    report = world.meshfleet("verify", "--stack", STACK, "--json", *arguments, expect=None).answer
    return {f"{check['name']} of {check['cluster']}": check["detail"] for check in report["checks"] if not check["ok"]}


def test_settings_are_in_every_istiod_work_change_and_what_differs_is_told(fleet: World) -> None:
    assert verify(fleet) == {}
    assert fleet.meshfleet("up", "--stack", STACK, "--json").answer["changes"] == {}

    deploy(fleet)
    # Own region first, then the one that takes over; and so from both sides.
    assert settled(lambda: order(fleet, "west") == {"west": 0, "east": 1}, 30), order(fleet, "west")
    assert order(fleet, "east") == {"west": 1, "east": 0}

    delete = ("delete", "destinationrule", "mesh-outlier-detection", "-n", "istio-system")
    fleet.kubectl(STACK, "west", *delete)
    (told,) = verify(fleet, "--seconds", "10").items()
    assert told[0] == "mesh-config of west"
    assert "DestinationRule mesh-outlier-detection is missing" in told[1]
    # Without it Istio knows the failover and does not act on it.
    assert order(fleet, "west") == {"west": 0, "east": 0}
    assert fleet.meshfleet("up", "--stack", STACK, "--json", "--refresh").answer["changes"] == {"create": 1}
    assert verify(fleet) == {}

    fleet.clone.write_stack(STACK, config({"mtls": "permissive", "outboundTrafficPolicy": "allow-any"}))
    changes = fleet.meshfleet("up", "--stack", STACK, "--json").answer["changes"]
    # In each cluster: one release and one policy otherwise, no telemetry, no outlier detection.
    assert changes == {"update": 4, "delete": 4}
    assert verify(fleet) == {}
    for cluster in CLUSTERS:
        policy = fleet.get(STACK, cluster, "peerauthentication", "default", "-n", "istio-system")
        assert policy["spec"] == {"mtls": {"mode": "PERMISSIVE"}}

    patch = '[{"op": "replace", "path": "/spec/mtls/mode", "value": "DISABLE"}]'
    arguments = ("peerauthentication", "default", "-n", "istio-system", "--type=json", f"--patch={patch}")
    fleet.kubectl(STACK, "east", "patch", *arguments)
    (told,) = verify(fleet, "--seconds", "10").items()
    assert told[0] == "mesh-config of east"
    assert "mtls.mode of PeerAuthentication default is 'DISABLE', the stack says 'PERMISSIVE'" in told[1]

    fleet.clone.write_stack(STACK, config({}))
    assert fleet.meshfleet("up", "--stack", STACK, "--json").answer["changes"] == {"update": 2, "delete": 2}
    assert verify(fleet) == {}


def order(world: World, region: str) -> dict[str, int]:
    """The order in which the istiod of that cluster sends its proxies to the endpoints of both."""
    return endpoint_order(world.reservations()[f"{STACK}/istiod/{region}/default"]["grpc"], region, HOST, 80)


def deploy(world: World) -> None:
    """A Service of the same name with a Pod in each cluster."""
    file = world.folder / "echo.json"
    file.write_text(json.dumps(service_with_a_pod("echo")), encoding="utf-8")
    for cluster in CLUSTERS:
        world.kubectl(STACK, cluster, "apply", "-f", str(file))
