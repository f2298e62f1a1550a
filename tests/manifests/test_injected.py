"""What a proxy reads only when it starts is in its pod template: whatever changes it changes the template, and no more.

A property over every field of a cluster and of its mesh that reaches a proxy by injection.
"""

from __future__ import annotations

from typing import Any

import pytest

from meshfleet.manifests import fleet_plan
from meshfleet.manifests.injected import ANNOTATION, described
from meshfleet.topology import Fleet, load
from tests.manifests.plans import named, releases, values_of

pytestmark = pytest.mark.proof(
    "what proxies read at their start takes effect in running pods, without a lost request", step=0
)

BASE: dict[str, Any] = {
    "host": "west",
    "meshes": {"mesh": {}},
    "networks": {},
    "clusters": {
        "west": {"existing": {"kubeconfig": "w", "context": "w"}, "network": "coast", "region": "r1", "zone": "r1-a"},
        "east": {"existing": {"kubeconfig": "e", "context": "e"}, "network": "inland"},
    },
    "namespaces": {"shop": {"injection": True}},
    "workloads": {"web": {"namespace": "shop"}},
    "istio": {"revisions": {"blue": {}, "green": {}}, "revision": "blue"},
}


def fleet_with(path: str = "", value: Any = None) -> Fleet:
    """The fleet with the field at `path` of another value."""
    config: dict[str, Any] = {
        section: ({name: dict(part) if isinstance(part, dict) else part for name, part in content.items()})
        if isinstance(content, dict)
        else content
        for section, content in BASE.items()
    }
    *parents, last = path.split(".") if path else ["", ""]
    place: Any = config
    for step in parents:
        place = place[step] if step else place
    if path:
        place[last] = value
    config["networks"] = {cluster["network"]: {} for cluster in config["clusters"].values()}
    return load("injected", config)


def templates(fleet: Fleet, cluster: str) -> dict[str, dict[str, str]]:
    """The annotations of the pods of the workload and of the gateway."""
    plan = fleet_plan(fleet)[cluster]
    deployment = named(plan, "workload-deployment-web-v1")
    assert deployment is not None
    return {
        "workload": values_of(deployment)["spec"]["template"]["metadata"]["annotations"],
        "gateway": releases(plan)["east-west-gateway"].values["podAnnotations"],
    }


@pytest.mark.parametrize(
    ("path", "value", "rolls"),
    [
        ("clusters.west.network", "far", {"workload", "gateway"}),
        ("clusters.west.region", "r2", {"workload", "gateway"}),
        ("clusters.west.zone", "r1-b", {"workload", "gateway"}),
        ("meshes.mesh.trustDomain", "shop.example", {"workload", "gateway"}),
        ("istio.revision", "green", {"workload", "gateway"}),
        ("istio.gatewayRevision", "green", {"gateway"}),
        ("istio.version", "1.30", {"workload", "gateway"}),
        # What running proxies take up.
        ("meshes.mesh.settings", {"mtls": "strict", "accessLog": {}}, set()),
        ("clusters.east.region", "r9", set()),
        ("clusters.west.discovery", {"token": 2}, set()),
        ("namespaces.more", {}, set()),
    ],
)
def test_a_field_rolls_out_exactly_the_pods_that_read_it_at_their_start(path: str, value: Any, rolls: set[str]) -> None:
    before, after = templates(fleet_with(), "west"), templates(fleet_with(path, value), "west")
    assert {kind for kind in before if before[kind] != after[kind]} == rolls


def test_no_annotation_but_that_of_the_facts_is_written() -> None:
    for written in templates(fleet_with(), "west").values():
        assert written.keys() == {ANNOTATION}


def test_a_gateway_is_on_the_network_that_it_leads_into_while_its_cluster_moves() -> None:
    moving = fleet_with().model_copy(update={"gateway_networks": {"west": "inland", "east": "inland"}})
    told = described(moving, "west")
    assert (told["workloads"]["network"], told["gateways"]["network"], told["eastWest"]["network"]) == (
        "coast",
        "coast",
        "inland",
    )
