"""Valid fleets for property tests of any room.

`fleets()` gives configurations as `topology.load` takes them, `loaded_fleets()` what it makes of them.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.topology.workload_strategies import workloads
from topology import Fleet, load
from topology.istio import EMBEDDED_ISTIO, EMBEDDED_KUBERNETES
from topology.names import (
    CLUSTER_LENGTH,
    COMMON_NAME_LENGTH,
    RESERVED_CLUSTERS,
    RESERVED_NETWORKS,
    RESERVED_REVISION_ENDINGS,
    RESERVED_REVISIONS,
)

Config = dict[str, Any]

LETTERS = "abcdefghijklmnopqrstuvwxyz"
DIGITS = "0123456789"
ENDS = st.sampled_from("aZ9")
# Letters and signs that have a meaning somewhere, and some that no terminal and no encoder likes.
CHARACTERS = "abz03-_./:'\"{}[]#&*!|>%@ \t\n\r\0\x1b\x85\u2028é٣𐍈\ud800"


def labels(longest: int = 63) -> st.SearchStrategy[str]:
    """DNS labels of at most `longest` characters, most of them short."""
    first = st.sampled_from(LETTERS)
    inner = st.text(LETTERS + DIGITS + "-", max_size=longest - 2)
    last = st.sampled_from(LETTERS + DIGITS)
    return st.one_of(first, st.builds("{}{}{}".format, first, inner, last))


def names(count: int, longest: int = 63, taken: frozenset[str] = frozenset()) -> st.SearchStrategy[list[str]]:
    """Exactly `count` different names."""
    return st.lists(labels(longest).filter(lambda name: name not in taken), min_size=count, max_size=count, unique=True)


def namespace_names() -> st.SearchStrategy[str]:
    """Names that no component of Kubernetes, of Istio or of the fleet has for itself."""
    return labels(50).map(lambda name: f"app-{name}")


def label_values() -> st.SearchStrategy[str]:
    """Values of Kubernetes labels."""
    return st.just("") | st.builds("{}{}{}".format, ENDS, st.text(LETTERS + "A1._-", max_size=8), ENDS)


def _optional(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Config]:
    return st.fixed_dictionaries({}, optional=dict(fields))


def validities(shortest: int, longest: int) -> st.SearchStrategy[Config]:
    """How long a certificate holds, in days."""
    return st.integers(shortest, longest).flatmap(
        lambda days: st.fixed_dictionaries({"validityDays": st.just(days), "renewBeforeDays": st.integers(1, days - 1)})
    )


@st.composite
def roots(draw: st.DrawFn) -> Config:
    """The roots of a mesh, whose names leave room for that of the mesh."""
    found = draw(st.lists(st.sampled_from(["first", "a", "b2", "n"]), min_size=1, max_size=2, unique=True))
    return {"roots": found} | draw(_optional(signing=st.sampled_from(found)))


@st.composite
def meshes(draw: st.DrawFn, name: str = "") -> Config:
    """The settings of a mesh."""
    trust = _optional(
        algorithm=st.sampled_from(["ecdsa-p256", "rsa-4096"]),
        organization=st.text("Ab é,.=+", min_size=1, max_size=64),
        root=validities(730, 36500),
        intermediate=validities(2, 730),
    )
    if len(name) <= COMMON_NAME_LENGTH - len("Root CA b2 of "):
        trust = st.builds(dict.__or__, trust, st.just({}) | roots())
    domains = st.sampled_from(["cluster.local", "mesh.example", "a"])
    return draw(_optional(trustDomain=domains, trust=trust, settings=mesh_settings()))


def mesh_settings() -> st.SearchStrategy[Config]:
    """What holds in a whole mesh; a failover depends on the regions of its clusters and is added by `fleets`."""
    collector = st.fixed_dictionaries(
        {
            "service": st.sampled_from(["otel.tools.svc.cluster.local", "tools/otel.example"]),
            "port": st.integers(1, 65535),
        }
    )
    tracing = st.builds(
        lambda kind, service, sampling: {kind: service, **sampling},
        st.sampled_from(["opentelemetry", "zipkin"]),
        collector,
        _optional(samplingPercentage=st.sampled_from([0, 1, 12.5, 100])),
    )
    text = _optional(enabled=st.booleans(), encoding=st.just("text"), format=st.sampled_from(["", "%PROTOCOL%"]))
    json_log = st.fixed_dictionaries(
        {"encoding": st.just("json")}, optional={"format": st.just('{"code": "%RESPONSE_CODE%"}')}
    )
    detection = _optional(consecutiveGatewayErrors=st.integers(1, 9), maxEjectionPercent=st.integers(1, 100))
    return _optional(
        mtls=st.sampled_from(["strict", "permissive"]),
        outboundTrafficPolicy=st.sampled_from(["allow-any", "registry-only"]),
        locality=_optional(outlierDetection=detection),
        accessLog=text | json_log,
        tracing=tracing,
    )


def discoveries() -> st.SearchStrategy[Config]:
    """How the peers of a cluster read it."""
    return _optional(
        server=st.sampled_from(["https://api.example:6443", "https://[fd00::1]/k8s/west", "https://10.0.0.7"]),
        tlsServerName=st.sampled_from(["kubernetes.default.svc", "api"]),
        token=st.integers(1, 3),
    )


@st.composite
def providers(draw: st.DrawFn, position: int, embedded: bool, processes: bool = True) -> Config:
    """Who provides a cluster, whose `position` tells its context from others: this machine, or somebody before.

    Pods that are `processes` are of one node, and have no ambient mode.
    """
    if embedded and draw(st.booleans()):
        if processes and draw(st.booleans()):
            return {"embedded": {"pods": "processes"}}
        return {"embedded": draw(_optional(nodes=st.integers(1, 100), pods=st.just("simulated")))}
    existing = {"kubeconfig": draw(st.sampled_from(["a.yaml", "b.yaml"])), "context": f"c{position}"}
    if embedded:
        return {"existing": existing | {"pods": "simulated"}}
    return {"existing": existing | draw(_optional(pods=st.sampled_from(["real", "simulated"])))}


def is_simulated(provider: Config) -> bool:
    """Whether the pods of a cluster do not run, by its provider."""
    return "embedded" in provider or provider["existing"].get("pods") == "simulated"


@st.composite
def control_planes(draw: st.DrawFn, homes: list[int], simulated: list[bool], wanted: str) -> list[object]:
    """Where the control plane of each cluster is, by positions: `own`, or `remote` or `external` of another position.

    `homes` has the mesh of each cluster. A remote's primary is of its mesh; the host of an external control plane is
    of another one, and has its own; both are where the cluster is: on this machine, or not. Where `wanted` is one of
    those kinds there are as many of it as can be, and remotes of external control planes too.
    """
    remote_or: list[int | None] = [None] if wanted == "own" else []
    external_or: list[int | None] = [] if wanted == "external" else [None]

    planes: dict[int, object] = {}
    for mesh in sorted(set(homes)):
        members = [position for position, home in enumerate(homes) if home == mesh]
        primaries: list[int] = []
        for position in members:
            serving = [primary for primary in primaries if simulated[primary] == simulated[position]]
            primary = draw(st.sampled_from([*remote_or, *serving] or [None]))
            planes[position] = "own" if primary is None else {"remote": primary}
            primaries += [position] if primary is None else []
        outside = [position for position, plane in planes.items() if plane == "own" and homes[position] != mesh]
        hosts = [position for position in outside if simulated[position] == simulated[primaries[0]]]
        host = draw(st.sampled_from([*external_or, *hosts] or [None]))
        if len(primaries) == 1 and host is not None:
            planes[primaries[0]] = {"external": host}
    return [planes[position] for position in range(len(homes))]


def revision_names() -> st.SearchStrategy[str]:
    """Names that nothing else of istiod's is called by."""
    return labels(20).filter(
        lambda name: name not in RESERVED_REVISIONS and not name.endswith(RESERVED_REVISION_ENDINGS)
    )


@st.composite
def istios(draw: st.DrawFn) -> Config:
    """Istio's release and charts, its revisions and what stands for them."""
    versions = st.sampled_from([EMBEDDED_ISTIO, f"{EMBEDDED_ISTIO}.2"])
    charts = st.sampled_from(["published", {"folder": "charts"}, {"repository": "oci://ghcr.io/istio/charts"}])
    config = draw(_optional(version=versions, charts=charts))
    installed = draw(st.lists(st.just("default") | revision_names(), min_size=1, max_size=2, unique=True))
    if len(installed) > 1 or draw(st.booleans()):
        config["revisions"] = {name: draw(st.none() | _optional(version=versions)) for name in installed}
    if "default" not in installed or draw(st.booleans()):
        config["revision"] = draw(st.sampled_from(installed))
    taken = {*installed, "default"}
    tags = st.lists(revision_names().filter(lambda name: name not in taken), max_size=2, unique=True)
    return config | draw(_optional(gatewayRevision=st.sampled_from(installed), tags=tags))


@st.composite
def clusters(draw: st.DrawFn, position: int, network: str, mesh: str | None) -> Config:
    """One cluster without its provider and its control plane.

    `position`, at most 99, keeps its address ranges apart from those of the others.
    """
    cluster: Config = {"network": network}
    if mesh is not None:
        cluster["mesh"] = mesh
    if draw(st.booleans()):
        cluster["region"] = draw(label_values().filter(bool))
        cluster |= draw(_optional(zone=label_values()))
    if draw(st.booleans()):
        pods, services = draw(st.sampled_from([("10.{}.0.0/16", "10.{}.0.0/16"), ("fd00:{}::/48", "fd00:{}::/108")]))
        cluster["podCidr"], cluster["serviceCidr"] = pods.format(position), services.format(position + 100)
    if draw(st.booleans()):
        gateway = _optional(
            port=st.sampled_from([443, 15443, 65535]),
            loadBalancerIp=st.just(f"198.51.100.{position}"),
            replicas=st.integers(1, 7),
            serviceAnnotations=st.just({"service.beta.kubernetes.io/load-balancer": "internal, please"}),
        )
        cluster["eastWestGateway"] = draw(gateway)
    if draw(st.booleans()):
        cluster["discovery"] = draw(discoveries())
    return cluster | draw(_optional(dataPlane=st.just("sidecar")))


@st.composite
def fleets(draw: st.DrawFn, max_clusters: int = 4, working: bool = False) -> Config:
    """A valid configuration of one to `max_clusters` clusters, at most 99, in one or more meshes.

    A `working` one has workloads, any other may have some.
    """
    wanted = draw(st.sampled_from(["own", "remote", "external"] if max_clusters > 1 else ["own"]))
    fewest = {"own": 1, "remote": 2, "external": min(3, max_clusters)}[wanted]
    count = draw(st.integers(fewest, max_clusters))
    cluster_names = draw(names(count, CLUSTER_LENGTH, RESERVED_CLUSTERS))
    # A remote has its primary beside it, an external control plane is hosted in another mesh.
    mesh_count = draw(st.integers(2 if wanted == "external" else 0, count - 1 if wanted == "remote" else count))
    mesh_names = draw(names(mesh_count))
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
        networks.append(draw(st.sampled_from([network_names[position], *shared])))
    named = mesh_count > 1 or (mesh_count == 1 and draw(st.booleans()))
    # Embedded clusters are of use only to istiods of this machine, so a mesh has either them or istiods in pods.
    embedded = [draw(st.booleans()) for _ in range(max(mesh_count, 1))]
    provided = [draw(providers(position, embedded[home])) for position, home in enumerate(homes)]
    planes = draw(control_planes(homes, [is_simulated(provider) for provider in provided], wanted))
    config: Config = {
        "clusters": {
            name: draw(clusters(position, networks[position], mesh_names[homes[position]] if named else None))
            | provided[position]
            | draw(_written(planes[position], cluster_names))
            for position, name in enumerate(cluster_names)
        },
        "networks": {network: draw(st.sampled_from([{}, None, {"description": "x"}])) for network in set_of(networks)},
    }
    _add_gateways(draw, config["networks"], homes, networks)
    if mesh_count:
        config["meshes"] = {name: draw(st.none() | meshes(name)) for name in mesh_names}
        for position, name in enumerate(mesh_names):
            inside = [
                cluster for home, cluster in zip(homes, config["clusters"].values(), strict=True) if home == position
            ]
            _add_failover(draw, config["meshes"][name], set_of([c["region"] for c in inside if "region" in c]))
    if count > 1 or draw(st.booleans()):
        config["host"] = draw(st.sampled_from(cluster_names))
    some = st.lists(st.sampled_from(cluster_names), unique=True)
    namespace = _optional(
        injection=st.booleans(),
        clusters=some,
        labels=st.dictionaries(labels(20), label_values(), max_size=2),
    )
    optional = _optional(
        namespaces=st.dictionaries(namespace_names(), st.none() | namespace, max_size=3),
        istio=istios(),
        kubernetes=_optional(version=st.just(EMBEDDED_KUBERNETES)),
    )
    config |= draw(optional)
    if working or draw(st.booleans()):
        # One in which there is nothing a workload may not have.
        config["namespaces"] = config.get("namespaces", {}) | {"shop": {"injection": True}}
        config["workloads"] = draw(workloads(config, "shop"))
    # In other namespaces: beside a workload machines may not have every name.
    _add_machines(draw, config)
    return config


def _add_machines(draw: st.DrawFn, config: Config) -> None:
    """Add virtual machines of namespaces that are where the control planes they join read."""
    if not draw(st.booleans()):
        return
    config.setdefault("namespaces", {})["app-of-machines"] = {}
    taken = {workload["namespace"] for workload in config.get("workloads", {}).values()}
    places = []
    for cluster, declared in config["clusters"].items():
        plane = declared.get("controlPlane", "own")
        primary = plane.get("remote", cluster) if isinstance(plane, dict) else cluster
        places += [
            (name, cluster)
            for name, namespace in config["namespaces"].items()
            if name not in taken and primary in ((namespace or {}).get("clusters") or config["clusters"])
        ]
    made: Config = {}
    for position, name in enumerate(draw(names(draw(st.integers(1, 3))))):
        namespace, cluster = draw(st.sampled_from(places))
        made[name] = {"namespace": namespace, "cluster": cluster} | draw(machines(name, position))
        mesh, clusters = config["clusters"][cluster].get("mesh"), config["clusters"].values()
        networks = st.sampled_from([other["network"] for other in clusters if other.get("mesh") == mesh])
        made[name] |= draw(_optional(network=networks))
    config["virtualMachines"] = made


@st.composite
def machines(draw: st.DrawFn, name: str, position: int) -> Config:
    """Virtual machines of that name without their place; `position` keeps their addresses apart from others'."""
    port = st.fixed_dictionaries({}, optional={"protocol": st.sampled_from(["HTTP", "HTTP2", "GRPC", "TCP"])})
    numbers = draw(st.lists(st.sampled_from([80, 5432, 8080, 65535]), unique=True, max_size=3))
    ports = {draw(labels(10)) + str(number): draw(port) | {"port": number} for number in numbers}
    http = st.fixed_dictionaries({"port": st.just(8080)}, optional={"path": st.sampled_from(["/", "/healthz?full=1"])})
    probe = st.fixed_dictionaries({"http": http}) | st.just({"tcp": {"port": 65535}, "periodSeconds": 1})
    addresses = st.sampled_from([[f"172.16.{position}.7"], [f"172.16.{position}.7", f"2001:db8:{position}::"]])
    entry = {"service": "service-entry", "host": f"{name}.machines.local"}
    called = draw(st.sampled_from([{}, {"service": "service"}, entry])) if ports else {}
    config = draw(
        _optional(
            serviceAccount=st.sampled_from(["default", "shared"]) | labels(),
            labels=st.sampled_from([{"app": name}, {"app.kubernetes.io/name": name, "version": "v2"}, {"x": name}]),
            probe=probe,
            addresses=addresses,
            tokenLifetime=st.sampled_from(["10m", "1h30m", "8760h"]),
        )
    )
    return config | called | {"ports": ports}


def _add_gateways(draw: st.DrawFn, declared: Config, homes: list[int], networks: list[str]) -> None:
    for position, network in enumerate(declared):
        home = homes[networks.index(network)]
        beside = {other for other, place in zip(networks, homes, strict=True) if place == home}
        if len(beside) > 1 and draw(st.booleans()):
            gateway = {"address": draw(st.sampled_from([f"203.0.113.{position}", f"lb{position}.example"]))}
            declared[network] = {"gateways": [gateway | draw(_optional(port=st.sampled_from([443, 15443])))]}


def _add_failover(draw: st.DrawFn, mesh: Config | None, regions: list[str]) -> None:
    locality = (mesh or {}).get("settings", {}).get("locality")
    if locality is None or len(regions) < 2 or not draw(st.booleans()):
        return
    origins = draw(st.lists(st.sampled_from(regions), unique=True))
    others = {origin: [region for region in regions if region != origin] for origin in origins}
    locality["failover"] = [{"from": origin, "to": draw(st.sampled_from(others[origin]))} for origin in origins]


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
    anywhere = _optional(injection=st.booleans(), labels=st.just({"team": "a"}))
    asking = _optional(injection=st.booleans(), waypoint=st.booleans(), globalServices=st.booleans())
    config: Config = {
        "host": cluster_names[0],
        "meshes": {"calm": {}} | ({"busy": {}} if busy else {}),
        "networks": {cluster["network"]: {} for cluster in clusters.values()},
        "clusters": clusters,
        # What asks for ambient mode does so in some of the clusters that have it, or in all there are.
        "namespaces": {"plain": draw(anywhere), "shop": draw(asking), "cart": {"injection": True, "waypoint": True}},
        "istio": draw(istios()),
    }
    return load("generated", config | {"workloads": draw(workloads(config, "cart"))})


def _written(plane: object, names: list[str]) -> st.SearchStrategy[Config]:
    """A control plane as a stack file has it, with the names of clusters for their positions."""
    if isinstance(plane, dict):
        return st.just({"controlPlane": {kind: names[position] for kind, position in plane.items()}})
    return _optional(controlPlane=st.just(plane))


def set_of(items: list[str]) -> list[str]:
    """The items, each once, in their order."""
    return list(dict.fromkeys(items))


def loaded_fleets(max_clusters: int = 4, working: bool = False) -> st.SearchStrategy[Fleet]:
    """What `topology.load` makes of `fleets`; its stack is called `generated`."""
    return fleets(max_clusters=max_clusters, working=working).map(lambda config: load("generated", config))


def json_values() -> st.SearchStrategy[Any]:
    """Whatever JSON can hold."""
    texts = st.text(CHARACTERS, max_size=8)
    return st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | texts,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
        max_leaves=12,
    )
