"""Valid fleets for property tests of any room.

`fleets()` gives configurations as `topology.load` takes them, `loaded_fleets()` what it makes of them.
"""

from __future__ import annotations

import json
from functools import cache

from hypothesis import strategies as st

from meshfleet.topology import Fleet, load
from meshfleet.topology.names import (
    CLUSTER_LENGTH,
    COMMON_NAME_LENGTH,
    DEFAULT_ROOT,
    RESERVED_CLUSTERS,
    RESERVED_NETWORKS,
    root_common_name,
)
from meshfleet.versions import EMBEDDED_KUBERNETES
from tests.topology.cluster_strategies import clusters, control_planes, is_simulated, istios, providers
from tests.topology.identity_strategies import identities, portals
from tests.topology.machine_strategies import add_machines
from tests.topology.mesh_strategies import meshes
from tests.topology.name_strategies import Config, label_values, labels, names, namespace_names, optional
from tests.topology.propagation_strategies import propagations
from tests.topology.workload_strategies import workloads

_LABELS = st.dictionaries(labels(20), label_values(), max_size=2)
_NETWORK = st.sampled_from([{}, None, {"description": "x"}])
_KUBERNETES = optional(version=st.just(EMBEDDED_KUBERNETES))
_PORT = optional(port=st.sampled_from([443, 15443]))
_NAMESPACE = optional(injection=st.booleans(), labels=_LABELS)
_NAMESPACES = st.dictionaries(namespace_names(), st.none() | _NAMESPACE, max_size=3)
_MORE = optional(istio=istios(), kubernetes=_KUBERNETES)
_ANYWHERE = optional(injection=st.booleans(), labels=st.just({"team": "a"}))
_ASKING = optional(injection=st.booleans(), waypoint=st.booleans(), globalServices=st.booleans())


@st.composite
def fleets(draw: st.DrawFn, max_clusters: int = 4, working: bool = False) -> Config:
    """A valid configuration of one to `max_clusters` clusters, at most 99, in one or more meshes.

    A `working` one has workloads, any other may have some.
    """
    wanted = draw(st.sampled_from(("own", "remote", "external") if max_clusters > 1 else ("own",)))
    fewest = {"own": 1, "remote": 2, "external": min(3, max_clusters)}[wanted]
    count = draw(st.integers(fewest, max_clusters))
    cluster_names = draw(names(count, CLUSTER_LENGTH, RESERVED_CLUSTERS))
    # A remote has its primary beside it, an external control plane is hosted in another mesh.
    mesh_count = draw(st.integers(2 if wanted == "external" else 0, count - 1 if wanted == "remote" else count))
    mesh_names = draw(names(mesh_count, COMMON_NAME_LENGTH - len(root_common_name("", DEFAULT_ROOT))))
    # Each mesh has a cluster and, since meshes share no network, at least one network of its own.
    homes = [
        *range(mesh_count),
        *(draw(st.integers(0, max(mesh_count - 1, 0))) for _ in range(count - mesh_count)),
    ]
    homes = draw(st.permutations(homes))
    network_names = draw(names(count, 63, RESERVED_NETWORKS))
    # A cluster is on the network of an earlier one of its mesh, or on a new one.
    networks: list[str] = []
    for position, home in enumerate(homes):
        shared = [networks[earlier] for earlier in range(position) if homes[earlier] == home]
        networks.append(draw(st.sampled_from((network_names[position], *shared))))
    named = mesh_count > 1 or (mesh_count == 1 and draw(st.booleans()))
    # Embedded clusters are of use only to istiods of this machine, so a mesh has either them or istiods in pods.
    embedded = [draw(st.booleans()) for _ in range(max(mesh_count, 1))]
    provided = [draw(providers(position, embedded[home])) for position, home in enumerate(homes)]
    planes = control_planes(draw, homes, [is_simulated(provider) for provider in provided], wanted)
    config: Config = {
        "clusters": {
            name: clusters(
                draw, position, networks[position], mesh_names[homes[position]] if named else None, provided[position]
            )
            | provided[position]
            | _written(draw, planes[position], cluster_names)
            for position, name in enumerate(cluster_names)
        },
        "networks": {network: draw(_NETWORK) for network in set_of(networks)},
    }
    _add_readers(draw, config["clusters"], homes, planes)
    _add_gateways(draw, config["networks"], homes, networks)
    if mesh_count:
        config["meshes"] = {name: draw(meshes(name)) if draw(st.booleans()) else None for name in mesh_names}
        for position, name in enumerate(mesh_names):
            inside = [
                cluster for home, cluster in zip(homes, config["clusters"].values(), strict=True) if home == position
            ]
            _add_failover(draw, config["meshes"][name], set_of([c["region"] for c in inside if "region" in c]))
    if count > 1 or draw(st.booleans()):
        config["host"] = draw(st.sampled_from(tuple(cluster_names)))
    config |= draw(_MORE)
    if draw(st.booleans()):
        config["namespaces"] = draw(_NAMESPACES)
        for namespace in config["namespaces"].values():
            if namespace is not None and draw(st.booleans()):
                namespace["clusters"] = draw(_any_of(tuple(cluster_names)))
    if working or draw(st.booleans()):
        # One in which there is nothing a workload may not have.
        config["namespaces"] = config.get("namespaces", {}) | {"shop": {"injection": True}}
        config["workloads"] = workloads(draw, config, "shop")
    if draw(st.booleans()):
        config["propagations"] = propagations(draw, config)
    if draw(st.booleans()):
        portal = portals(draw, config)
        config["identities"] = identities(draw, config, portal=portal is not None)
        config |= {} if portal is None else {"portal": portal}
    # In other namespaces: beside a workload machines may not have every name.
    add_machines(draw, config)
    # Tests change what they are given: no part of it is in the strategies themselves, or in it twice.
    copied: Config = json.loads(json.dumps(config))
    return copied


def _add_readers(draw: st.DrawFn, clusters: Config, homes: list[int], planes: list[object]) -> None:
    """Some clusters name the control planes that discover them, the one that serves a remote among them."""
    names = list(clusters)
    for position, name in enumerate(names):
        plane = planes[position]
        served = [names[plane["remote"]]] if isinstance(plane, dict) and _is_remote(plane) else []
        others = [
            names[other]
            for other, home in enumerate(homes)
            if home == homes[position] and other != position and not _is_remote(planes[other])
        ]
        if draw(st.booleans()):
            more = draw(_any_of(tuple(others))) if others else []
            read_by = draw(st.permutations(set_of([*served, *more])))
            clusters[name]["discovery"] = clusters[name].get("discovery", {}) | {"readBy": read_by}


def _is_remote(plane: object) -> bool:
    return isinstance(plane, dict) and "remote" in plane


def _add_gateways(draw: st.DrawFn, declared: Config, homes: list[int], networks: list[str]) -> None:
    for position, network in enumerate(declared):
        home = homes[networks.index(network)]
        beside = {other for other, place in zip(networks, homes, strict=True) if place == home}
        if len(beside) > 1 and draw(st.booleans()):
            gateway = {"address": f"198.18.113.{position}" if draw(st.booleans()) else f"lb{position}.example"}
            declared[network] = {"gateways": [gateway | draw(_PORT)]}


def _add_failover(draw: st.DrawFn, mesh: Config | None, regions: list[str]) -> None:
    locality = (mesh or {}).get("settings", {}).get("locality")
    if locality is None or len(regions) < 2 or not draw(st.booleans()):
        return
    origins = draw(_any_of(tuple(regions)))
    others = {origin: [region for region in regions if region != origin] for origin in origins}
    locality["failover"] = [{"from": origin, "to": draw(st.sampled_from(tuple(others[origin])))} for origin in origins]


@st.composite
def ambient_fleets(draw: st.DrawFn) -> Fleet:
    """Fleets with a mesh `calm` in ambient mode, and most of them with a mesh `busy` of sidecars beside it."""
    here, calm, busy = draw(st.booleans()), draw(st.integers(1, 3)), draw(st.integers(0, 2))
    cluster_names = draw(names(calm + busy, CLUSTER_LENGTH, RESERVED_CLUSTERS))
    clusters: Config = {}
    for position, name in enumerate(cluster_names):
        clusters[name] = {"mesh": "calm", "dataPlane": "ambient"} if position < calm else {"mesh": "busy"}
        # Several ambient clusters are never on one network.
        clusters[name]["network"] = f"n{position}" if position < calm else "shared"
        clusters[name] |= draw(providers(position, here, processes=position >= calm))
        if draw(st.booleans()):
            clusters[name]["eastWestGateway"] = {"serviceAnnotations": {"example.com/kind": "internal"}}
    config: Config = {
        "host": cluster_names[0],
        "meshes": {"calm": {}} | ({"busy": {}} if busy else {}),
        "networks": {cluster["network"]: {} for cluster in clusters.values()},
        "clusters": clusters,
        # What asks for ambient mode does so in some of the clusters that have it, or in all there are.
        "namespaces": {"plain": draw(_ANYWHERE), "shop": draw(_ASKING), "cart": {"injection": True, "waypoint": True}},
        "istio": draw(istios()),
    }
    return load("generated", config | {"workloads": workloads(draw, config, "cart")})


@cache
def _any_of(values: tuple[str, ...]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), unique=True)


def _written(draw: st.DrawFn, plane: object, names: list[str]) -> Config:
    """A control plane as a stack file has it, with the names of clusters for their positions."""
    if isinstance(plane, dict):
        return {"controlPlane": {kind: names[position] for kind, position in plane.items()}}
    return {"controlPlane": plane} if draw(st.booleans()) else {}


def set_of(items: list[str]) -> list[str]:
    """The items, each once, in their order."""
    return list(dict.fromkeys(items))


def loaded_fleets(max_clusters: int = 4, working: bool = False) -> st.SearchStrategy[Fleet]:
    """What `topology.load` makes of `fleets`; its stack is called `generated`."""
    return fleets(max_clusters=max_clusters, working=working).map(lambda config: load("generated", config))
