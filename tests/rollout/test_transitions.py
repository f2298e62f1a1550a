"""What a running fleet can become in place, and what is refused: which fields are named, and what is said of each."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from meshfleet.automation.state.deployment import deployed_fleet
from meshfleet.rollout.transitions import recreations, transitions
from meshfleet.topology import Fleet, load
from tests.topology.described import described
from tests.topology.strategies import fleets, loaded_fleets

pytestmark = pytest.mark.proof("what cannot be changed in place is refused before anything is touched", step=0)

Config = dict[str, Any]
# A value that takes the key away instead.
ABSENT = object()
REMOTE_OF_HUB = {"remote": "hub"}


def clusters(**planes: Any) -> Config:
    """A fleet of embedded clusters in one mesh, each on a network of its own, by their control planes."""
    return {
        "host": next(iter(planes)),
        "meshes": {"mesh1": {"trustDomain": "cluster.local"}},
        "networks": {f"network-{name}": {} for name in planes},
        "clusters": {
            name: {"embedded": {}, "network": f"network-{name}", "controlPlane": plane}
            for name, plane in planes.items()
        },
    }


def external(**hosts: str) -> Config:
    """`hub` and `spare`, each in a mesh of its own, and clusters whose control planes one of them hosts."""
    config = clusters(hub="own", spare="own", **{name: {"external": host} for name, host in hosts.items()})
    config["meshes"] = {"mesh1": {}, "mesh2": {}, "mesh3": {}}
    for name, cluster in config["clusters"].items():
        cluster["mesh"] = {"hub": "mesh1", "spare": "mesh2"}.get(name, "mesh3")
    return config


@dataclass(frozen=True)
class Change:
    """From `before` by `changes` (paths in the configuration, dots between names).

    `faults` maps the path of every fault to a telling part of its message; none means that it is made in place.
    `gone` are the clusters that are to be forgotten.
    """

    title: str
    before: Config
    changes: dict[str, object]
    faults: dict[str, str] = field(default_factory=dict)
    gone: tuple[str, ...] = ()

    @property
    def after(self) -> Config:
        config = copy.deepcopy(self.before)
        for path, value in self.changes.items():
            *parents, last = path.split(".")
            mapping = config
            for name in parents:
                mapping = mapping.setdefault(name, {})
            if value is ABSENT:
                del mapping[last]
            else:
                mapping[last] = value
        return config


def without(name: str) -> dict[str, object]:
    """Take a cluster out, with its network."""
    return {f"clusters.{name}": ABSENT, f"networks.network-{name}": ABSENT}


def added(name: str, plane: Any = "own") -> dict[str, object]:
    """Add a cluster on a network of its own."""
    return {
        f"clusters.{name}": {"embedded": {}, "network": f"network-{name}", "controlPlane": plane},
        f"networks.network-{name}": {},
    }


EQUALS = clusters(hub="own", west="own", east="own")
SERVED = clusters(hub="own", west=REMOTE_OF_HUB, east="own")
EXISTING = {"kubeconfig": "~/.kube/config", "context": "west"}

AT_NODES = {"type": "NodePort"}
SERVED_AT_NODES = clusters(hub="own", west=REMOTE_OF_HUB)
SERVED_AT_NODES["clusters"]["hub"]["eastWestGateway"] = AT_NODES

ALLOWED = [
    Change("a remote cluster is led to node ports", SERVED, {"clusters.hub.eastWestGateway": AT_NODES}),
    Change(
        "the gateway of a cluster that serves none leaves its node ports",
        {
            **EQUALS,
            "clusters": {**EQUALS["clusters"], "west": {**EQUALS["clusters"]["west"], "eastWestGateway": AT_NODES}},
        },
        {"clusters.west.eastWestGateway": ABSENT},
    ),
    Change(
        "a remote cluster is led from node ports to others",
        SERVED_AT_NODES,
        {"clusters.hub.eastWestGateway": {"advertised": [{"address": "203.0.113.7", "istiodPort": 8012}]}},
    ),
    Change("nothing changes", EQUALS, {}),
    Change("a cluster is added", EQUALS, added("north")),
    Change("a remote cluster is added", EQUALS, added("north", REMOTE_OF_HUB)),
    Change("a cluster is taken out", EQUALS, without("west")),
    Change("a remote cluster is taken out", SERVED, without("west")),
    Change(
        "a primary is taken out with all that it serves", SERVED, {**without("hub"), **without("west"), "host": "east"}
    ),
    Change("a remote cluster gets its own control plane", SERVED, {"clusters.west.controlPlane": "own"}),
    Change("a primary that serves nobody becomes remote", EQUALS, {"clusters.west.controlPlane": REMOTE_OF_HUB}),
    Change(
        "a primary becomes remote of a new one",
        EQUALS,
        {**added("north"), "clusters.west.controlPlane": {"remote": "north"}},
    ),
    Change("a remote cluster moves to another primary", SERVED, {"clusters.west.controlPlane": {"remote": "east"}}),
    Change(
        "a primary goes and its remote cluster moves to one that runs",
        SERVED,
        {**without("hub"), "clusters.west.controlPlane": {"remote": "east"}, "host": "east"},
    ),
    Change(
        "a primary goes and its remote cluster gets its own control plane",
        SERVED,
        {**without("hub"), "clusters.west.controlPlane": "own", "host": "east"},
    ),
    Change(
        "a primary that is lost goes, and its remote cluster moves to a new one",
        SERVED,
        {**without("hub"), **added("north"), "clusters.west.controlPlane": {"remote": "north"}, "host": "east"},
        gone=("hub",),
    ),
    Change(
        "a cluster changes its network",
        EQUALS,
        {"clusters.west.network": "network-east", "networks.network-west": ABSENT},
    ),
    Change("a cluster changes its region", EQUALS, {"clusters.west.region": "here"}),
    Change("another cluster is the host", EQUALS, {"host": "east"}),
    Change("an embedded cluster gets another range", EQUALS, {"clusters.west.podCidr": "10.9.0.0/16"}),
    Change(
        "certificates hold longer",
        EQUALS,
        {"meshes.mesh1.trust": {"intermediate": {"validityDays": 800, "renewBeforeDays": 90}}},
    ),
    Change(
        "intermediates are of another kind and another root comes",
        EQUALS,
        {"meshes.mesh1.trust": {"algorithm": "rsa-4096", "organization": "Other", "roots": ["first", "second"]}},
    ),
    Change(
        "an external control plane moves to another host that runs",
        external(shop="hub"),
        {"clusters.shop.controlPlane": {"external": "spare"}},
    ),
]

REFUSED = [
    Change(
        "a cluster changes its mesh",
        EQUALS,
        {
            "meshes.mesh2": {},
            "clusters.hub.mesh": "mesh1",
            "clusters.west.mesh": "mesh2",
            "clusters.east.mesh": "mesh1",
        },
        {"clusters.west.mesh": "runs in the mesh 'mesh1'"},
    ),
    Change(
        "a mesh is renamed",
        SERVED,
        {"meshes": {"other": {"trustDomain": "cluster.local"}}},
        {
            f"clusters.{name}.mesh": "take it out of the file, run up and add it again"
            for name in ("east", "hub", "west")
        },
    ),
    Change(
        "a cluster changes its provider",
        EQUALS,
        {"clusters.west.embedded": ABSENT, "clusters.west.existing": EXISTING | {"pods": "simulated"}},
        {"clusters.west.existing": "that runs is embedded"},
    ),
    Change(
        "the trust domain changes",
        EQUALS,
        {"meshes.mesh1.trustDomain": "other.example"},
        {"meshes.mesh1.trustDomain": "the mesh runs with 'cluster.local'"},
    ),
    Change(
        "two clusters change places",
        SERVED,
        {"clusters.hub.controlPlane": {"remote": "west"}, "clusters.west.controlPlane": "own"},
        {"clusters.hub.controlPlane.remote": "'hub' still serves 'west'; first give it another control plane"},
    ),
    Change(
        "a primary becomes remote while what it serves moves elsewhere",
        clusters(hub="own", west=REMOTE_OF_HUB, east="own", north=REMOTE_OF_HUB),
        {
            "clusters.hub.controlPlane": {"remote": "east"},
            "clusters.west.controlPlane": {"remote": "east"},
            "clusters.north.controlPlane": "own",
        },
        {"clusters.hub.controlPlane.remote": "'hub' still serves 'west', 'north'; first give them another"},
    ),
    Change(
        "a primary goes and its remote cluster moves to a new one",
        SERVED,
        {**without("hub"), **added("north"), "clusters.west.controlPlane": {"remote": "north"}, "host": "east"},
        {"clusters.west.controlPlane.remote": "'north' has no control plane yet, and 'hub', which serves 'west', goes"},
    ),
    Change(
        "a primary goes and its remote clusters move to one of them",
        clusters(hub="own", west=REMOTE_OF_HUB, east=REMOTE_OF_HUB),
        {
            **without("hub"),
            "clusters.west.controlPlane": "own",
            "clusters.east.controlPlane": {"remote": "west"},
            "host": "west",
        },
        {"clusters.east.controlPlane.remote": "keep 'hub' until 'east' is served by 'west'"},
    ),
    Change(
        "an external control plane moves to a new host while the old one goes",
        external(shop="hub"),
        {
            **without("hub"),
            **added("north"),
            "clusters.north.mesh": "mesh1",
            "clusters.shop.controlPlane": {"external": "north"},
            "host": "spare",
        },
        {"clusters.shop.controlPlane.external": "'north' has no control plane yet"},
    ),
    Change(
        "a cluster gets its own control plane in place of an external one",
        external(shop="hub"),
        {"clusters.shop.controlPlane": "own"},
        {"clusters.shop.controlPlane": "to which Istio's definitions belong"},
    ),
    Change(
        "a remote cluster is led from node ports to Istio's own",
        SERVED_AT_NODES,
        {"clusters.hub.eastWestGateway": ABSENT},
        {"clusters.hub.eastWestGateway": "'west' reaches its istiod behind this gateway at the port 31012"},
    ),
    Change(
        "several at once",
        EQUALS,
        {
            "meshes.mesh1": {"trustDomain": "b"},
            "clusters.west.embedded": ABSENT,
            "clusters.west.existing": EXISTING | {"pods": "simulated"},
        },
        {
            "clusters.west.existing": "embedded",
            "meshes.mesh1.trustDomain": "'cluster.local'",
        },
    ),
]


def loaded(config: Config) -> Fleet:
    return load("dev", config)


@pytest.mark.parametrize("change", [*ALLOWED, *REFUSED], ids=lambda change: change.title)
def test_every_change_that_cannot_be_made_in_place_is_a_fault_and_no_other(change: Change) -> None:
    faults = sorted(transitions(deployed_fleet(described(loaded(change.before))), loaded(change.after), change.gone))
    assert [fault.path for fault in faults] == sorted(change.faults), [str(fault) for fault in faults]
    for fault in faults:
        assert change.faults[fault.path] in fault.message
        assert not fault.message.endswith(".")
        assert len(fault.message) < 400


@given(loaded_fleets())
def test_a_fleet_can_stay_as_it_is(fleet: Fleet) -> None:
    assert list(transitions(deployed_fleet(described(fleet)), fleet)) == []
    assert list(recreations(deployed_fleet(described(fleet)), fleet)) == []


# Of two fleets in one example, one is too often none.
@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much], deadline=None)
@given(loaded_fleets(), fleets())
def test_any_fleet_can_become_any_other_or_the_reason_is_reported(before: Fleet, after: Config) -> None:
    fleet = load("generated", after)
    for fault in transitions(deployed_fleet(described(before)), fleet):
        section, name, *_ = fault.path.split(".")
        assert section in ("clusters", "meshes")
        assert name in (fleet.clusters if section == "clusters" else fleet.meshes)


@pytest.mark.parametrize(
    "description",
    [None, {}, {"clusters": None, "meshes": None}, {"clusters": [None, {"name": "west"}], "meshes": [{"name": None}]}],
    ids=["nothing", "nothing in it", "gaps", "names alone"],
)
def test_where_nothing_is_deployed_or_nothing_is_known_of_it_nothing_is_refused(description: Any) -> None:
    assert list(transitions(deployed_fleet(description), loaded(SERVED))) == []
    assert list(recreations(deployed_fleet(description), loaded(SERVED))) == []


def test_a_range_that_makes_a_cluster_anew_is_reported_with_what_is_lost() -> None:
    wanted = Change("", EQUALS, {"clusters.west.podCidr": "10.9.0.0/16", "clusters.east.region": "here"})
    (said,) = recreations(deployed_fleet(described(loaded(EQUALS))), loaded(wanted.after))
    assert said.startswith("clusters.west.podCidr: 10.9.0.0/16 in place of the default recreates the cluster; ")
    (said,) = recreations(deployed_fleet(described(loaded(wanted.after))), loaded(EQUALS))
    assert said.startswith("clusters.west.podCidr: the default in place of 10.9.0.0/16 ")
