"""Settings of a mesh in a running fleet: every istiod has them, they work, they change, and what differs is told.

And what a user adds to them: it reaches API servers, istiods and pods, and `drift` tells what was taken away.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from meshfleet.testing import Sandbox, settled, small_fleet
from tests.integration.clone import SHORTLY
from tests.integration.fleets.endpoint_order import endpoint_order
from tests.integration.fleets.workloads import service_with_a_pod

pytestmark = [
    pytest.mark.extended,
    pytest.mark.proof("settings of a mesh, declared once and equal in every primary", step=3),
]

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
# What no field says; it stays while the settings change.
ANNOTATION = "example.com/owner"
VALUES = {
    "istiod": {
        "env": {"PILOT_DEBOUNCE_AFTER": "50ms"},
        "meshConfig": {"defaultConfig": {"proxyMetadata": {"ISTIO_META_ADDED": "yes"}}},
    }
}
ADDITIONS = {
    "annotations": {ANNOTATION: "mesh"},
    "patches": [
        {
            "document": "istiod",
            "json": [{"op": "add", "path": "/values/podLabels", "value": {"example.com/tier": "core"}}],
        }
    ],
}


def config(settings: dict[str, Any]) -> dict[str, Any]:
    """Two clusters on one network, each in a region called as it is."""
    made = small_fleet(*CLUSTERS)
    made["networks"] = {"shared": {}}
    made["meshes"] = {"mesh1": {"settings": settings}}
    made |= {"istio": {"values": VALUES}, "additions": ADDITIONS}
    for number, cluster in enumerate(CLUSTERS):
        made["clusters"][cluster] |= {"network": "shared", "region": cluster, "podCidr": f"10.{number + 1}.0.0/16"}
    return made


@pytest.fixture
def fleet(sandbox: Sandbox) -> Iterator[Sandbox]:
    sandbox.write_stack(STACK, config(SETTINGS))
    sandbox.meshfleet("up", "--stack", STACK, "--json")
    sandbox.meshfleet("status", "--stack", STACK, "--json")
    yield sandbox
    sandbox.meshfleet("destroy", "--stack", STACK, "--yes")
    assert sandbox.remains(STACK) == []


def verify(sandbox: Sandbox, *arguments: str) -> dict[str, str]:
    """What did not hold, by check and cluster."""
    report = sandbox.meshfleet("verify", "--stack", STACK, "--json", *arguments, expect=None).report
    return {f"{check['name']} of {check['cluster']}": check["detail"] for check in report["checks"] if not check["ok"]}


@pytest.mark.proof("what the fleet cannot express, its user adds", step=3)
def test_settings_are_in_every_istiod_work_change_and_what_differs_is_reported(fleet: Sandbox) -> None:
    assert verify(fleet) == {}
    assert fleet.meshfleet("up", "--stack", STACK, "--json").report["changes"] == {}

    deploy(fleet)
    require_what_is_added(fleet)
    # Own region first, then the one that takes over; and so from both sides.
    assert settled(lambda: order(fleet, "west") == {"west": 0, "east": 1}, 30), order(fleet, "west")
    assert settled(lambda: order(fleet, "east") == {"west": 1, "east": 0}, 30), order(fleet, "east")

    take_away_what_is_added(fleet)
    delete = ("delete", "destinationrule", "mesh-outlier-detection", "-n", "istio-system")
    fleet.kubectl(STACK, "west", *delete)
    (told,) = verify(fleet, *SHORTLY).items()
    assert told[0] == "mesh-config of west"
    assert "DestinationRule mesh-outlier-detection is missing" in told[1]
    # Without it Istio knows the failover and does not act on it.
    assert order(fleet, "west") == {"west": 0, "east": 0}
    assert fleet.meshfleet("up", "--stack", STACK, "--json", "--refresh").report["changes"] == {
        "create": 1,
        "update": 1,
    }
    assert verify(fleet) == {}
    require_what_is_added(fleet)

    fleet.write_stack(STACK, config({"mtls": "permissive", "outboundTrafficPolicy": "allow-any"}))
    changes = fleet.meshfleet("up", "--stack", STACK, "--json").report["changes"]
    # In each cluster: one release and one policy otherwise, no telemetry, no outlier detection.
    assert changes == {"update": 4, "delete": 4}
    assert verify(fleet) == {}
    for cluster in CLUSTERS:
        policy = fleet.get(STACK, cluster, "peerauthentication", "default", "-n", "istio-system")
        assert policy["spec"] == {"mtls": {"mode": "PERMISSIVE"}}

    patch = '[{"op": "replace", "path": "/spec/mtls/mode", "value": "DISABLE"}]'
    arguments = ("peerauthentication", "default", "-n", "istio-system", "--type=json", f"--patch={patch}")
    fleet.kubectl(STACK, "east", "patch", *arguments)
    (told,) = verify(fleet, *SHORTLY).items()
    assert told[0] == "mesh-config of east"
    assert "mtls.mode of PeerAuthentication default is 'DISABLE', the stack declares 'PERMISSIVE'" in told[1]

    fleet.write_stack(STACK, config({}))
    assert fleet.meshfleet("up", "--stack", STACK, "--json").report["changes"] == {"update": 2, "delete": 2}
    assert verify(fleet) == {}


def order(sandbox: Sandbox, region: str) -> dict[str, int]:
    """The order in which the istiod of that cluster sends its proxies to the endpoints of both."""
    return endpoint_order(sandbox.reservations()[f"{STACK}/istiod/{region}/default"]["grpc"], region, HOST, 80)


def deploy(sandbox: Sandbox) -> None:
    """A Service of the same name with a Pod in each cluster."""
    file = sandbox.folder / "echo.json"
    file.write_text(json.dumps(service_with_a_pod("echo")), encoding="utf-8")
    for cluster in CLUSTERS:
        sandbox.kubectl(STACK, cluster, "apply", "-f", str(file))


def require_what_is_added(sandbox: Sandbox) -> None:
    """Annotations are in the API server, values in Deployments, in istiod processes and in injected pods."""
    for cluster in CLUSTERS:
        for kind, name in (("namespace", "istio-system"), ("secret", "cacerts"), ("peerauthentication", "default")):
            found = sandbox.get(STACK, cluster, kind, name, "-n", "istio-system")
            assert found["metadata"]["annotations"][ANNOTATION] == "mesh", (cluster, kind)
        deployment = sandbox.get(STACK, cluster, "deployment", "istiod", "-n", "istio-system")
        template = deployment["spec"]["template"]
        assert template["metadata"]["labels"]["example.com/tier"] == "core"
        variables = {one["name"]: one.get("value") for one in template["spec"]["containers"][0]["env"]}
        assert variables["PILOT_DEBOUNCE_AFTER"] == "50ms"
        istiod = sandbox.program(STACK, f"istiods/{cluster}.default", "pilot-discovery")
        assert istiod.environ()["PILOT_DEBOUNCE_AFTER"] == "50ms"
        settled(lambda: bool(pods(sandbox, cluster)), 30)  # noqa: B023  (it is called before the next turn)
        for pod in pods(sandbox, cluster):
            assert "ISTIO_META_ADDED" in json.dumps(pod["spec"]), pod["metadata"]["name"]


def pods(sandbox: Sandbox, cluster: str) -> list[dict[str, Any]]:
    """The pods in the namespace of the fleet, whose proxies were injected."""
    found: list[dict[str, Any]] = sandbox.get(STACK, cluster, "pods", "-n", "sample")["items"]
    return found


def take_away_what_is_added(sandbox: Sandbox) -> None:
    """By hand, in one cluster: `drift` tells it."""
    sandbox.kubectl(STACK, "west", "annotate", "peerauthentication", "default", "-n", "istio-system", f"{ANNOTATION}-")
    drift = sandbox.meshfleet("drift", "--stack", STACK, "--json", expect=3).report["drift"]
    assert len(drift) == 1
    assert drift[0].startswith("west: peer-authentication")
