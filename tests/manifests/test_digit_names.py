"""Names that begin with a digit, as RFC 1123 allows: nothing that is derived from them differs but by the name."""

from __future__ import annotations

import json
from typing import Any

import pytest

from meshfleet.manifests import fleet_plan
from meshfleet.manifests.objects import written
from meshfleet.topology import load
from tests.components.fleets import CONFIGURATIONS, existing, in_one_mesh

pytestmark = pytest.mark.proof("names by RFC 1123, also those that begin with a digit", step=0)

# Of parts whose names occur in no other word of a fleet.
RENAMED = {
    "westcluster": "1westcluster",
    "coastnetwork": "2coastnetwork",
    "seamesh": "3seamesh",
    "shopspace": "4shopspace",
    "bluerevision": "1-31-0x",
    "goldrevision": "5goldrevision",
    "prodtag": "6prodtag",
    "firstroot": "7firstroot",
    "oneversion": "8oneversion",
}
FLEET = in_one_mesh(
    {
        "westcluster": existing("west", "simulated") | {"mesh": "seamesh", "network": "coastnetwork"},
        "branch": existing("branch", "simulated") | {"mesh": "seamesh", "controlPlane": {"remote": "westcluster"}},
    },
    meshes={"seamesh": {"trust": {"roots": ["firstroot"]}}},
    istio={
        "revisions": {"bluerevision": {}, "goldrevision": {}},
        "revision": "bluerevision",
        "gatewayRevision": "goldrevision",
        "tags": ["prodtag"],
    },
    namespaces={"shopspace": {"injection": True}},
    workloads={"web": {"namespace": "shopspace", "versions": {"oneversion": {}}}},
    virtualMachines={"till": {"namespace": "shopspace", "cluster": "westcluster", "ports": {"http": {"port": 8080}}}},
)


def renamed(text: str) -> str:
    for before, after in RENAMED.items():
        text = text.replace(before, after)
    return text


def documents(config: dict[str, Any]) -> dict[str, dict[str, Any]]:
    plans = fleet_plan(load("x", config))
    # Stand-ins of certificates name their cluster behind base64.
    return {
        cluster: {one.name: written(one.body) for one in plan if one.name != "cacerts"}
        for cluster, plan in plans.items()
    }


def test_what_is_derived_from_a_name_differs_by_the_name_alone() -> None:
    before = documents(FLEET)
    assert all(name in json.dumps(before) for name in RENAMED if name != "firstroot")
    assert documents(json.loads(renamed(json.dumps(FLEET)))) == json.loads(renamed(json.dumps(before)))


def test_every_configuration_takes_clusters_and_networks_that_begin_with_a_digit() -> None:
    for title, config in CONFIGURATIONS.items():
        text = json.dumps(config)
        for name in (*config["clusters"], *config["networks"]):
            text = text.replace(f'"{name}"', f'"0{name}"').replace(f"/{name}/", f"/0{name}/")
        assert documents(json.loads(text)), title
