"""Fleets to which a user adds something, and what is wrong with what is added."""

from __future__ import annotations

import copy
from typing import Any

from meshfleet.manifests.addition_faults import addition_faults
from meshfleet.topology import Fleet, TopologyError, load
from tests.components.fleets import existing, in_one_mesh

Config = dict[str, Any]
TWO = in_one_mesh(
    {"west": {"embedded": {}}, "east": existing("east", "simulated")},
    workloads={"web": {"namespace": "sample"}},
)
WHOLE: Config = in_one_mesh(
    {
        "west": existing("west", "simulated")
        | {
            "mesh": "mesh1",
            "ingressGateways": {
                "shop": {"api": "istio", "listeners": [{"port": 80}]},
                "api": {"api": "gateway", "hostname": "api.example", "listeners": [{"port": 8080}]},
            },
        },
        "east": existing("east", "simulated") | {"mesh": "mesh1", "controlPlane": {"remote": "west"}},
        "far": existing("far", "simulated") | {"mesh": "mesh2", "controlPlane": {"external": "west"}},
    },
    meshes={"mesh1": {"trustDomain": "sea.example", "settings": {"mtls": "strict", "accessLog": {}}}, "mesh2": {}},
    istio={"revisions": {"blue": {}, "gold": {}}, "revision": "blue", "gatewayRevision": "gold", "tags": ["prod"]},
    workloads={"web": {"namespace": "sample", "allowedCallers": ["sample/web"]}},
    virtualMachines={"till": {"namespace": "sample", "cluster": "west", "ports": {"http": {"port": 8080}}}},
)
AMBIENT: Config = in_one_mesh(
    {name: existing(name, "real") | {"dataPlane": "ambient"} for name in ("west", "east")},
    istio={"revision": "blue"},
    namespaces={"sample": {"injection": True, "waypoint": True}},
)


def fleet_with(base: Config = TWO, **sections: Any) -> Fleet:
    config = copy.deepcopy(base)
    for section, value in sections.items():
        config[section] = config.get(section, {}) | value if isinstance(value, dict) else value
    return load("added", config)


def patched(document: str, *operations: Config, base: Config = TWO, **merge: Any) -> Fleet:
    patch = {"json": list(operations)} if operations else {"merge": merge}
    return fleet_with(base, additions={"patches": [{"document": document} | patch]})


def faults_of(make: Any) -> dict[str, str]:
    """The faults of a fleet by their paths, whether its rules or its documents show them."""
    try:
        fleet = make()
    except TopologyError as error:
        return {fault.path: fault.message for fault in error.faults}
    return {fault.path: fault.message for fault in addition_faults(fleet)}
