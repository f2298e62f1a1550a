"""What is declared of a cluster: who provides it, where its control plane is, how peers read it."""

from __future__ import annotations

from functools import cache

from hypothesis import strategies as st

from meshfleet.topology.names import RESERVED_REVISION_ENDINGS, RESERVED_REVISIONS
from meshfleet.versions import EMBEDDED_ISTIO
from tests.topology.name_strategies import Config, label_values, labels, optional


@cache
def discoveries() -> st.SearchStrategy[Config]:
    """How the peers of a cluster read it."""
    return optional(
        server=st.sampled_from(["https://api.example:6443", "https://[fd00::1]/k8s/west", "https://10.0.0.7"]),
        tlsServerName=st.sampled_from(["kubernetes.default.svc", "api"]),
        token=st.integers(1, 3),
    )


_NODES = optional(nodes=st.integers(1, 100), pods=st.just("simulated"))
_PODS = optional(pods=st.sampled_from(["real", "simulated"]))
_KUBECONFIGS = st.sampled_from(["a.yaml", "b.yaml"])
_VERSIONS = st.sampled_from([EMBEDDED_ISTIO, f"{EMBEDDED_ISTIO}.2"])
_CHARTS = st.sampled_from(["published", {"folder": "charts"}, {"repository": "oci://ghcr.io/istio/charts"}])
_RELEASE = optional(version=_VERSIONS, charts=_CHARTS)
_REVISION = st.none() | optional(version=_VERSIONS)
# Machines that register themselves cannot have one with a dot.
_UNDOTTED = label_values().filter(lambda value: "." not in value)
_REGIONS, _ZONES = _UNDOTTED.filter(bool), optional(zone=_UNDOTTED)
_FAMILIES = [("10.{}.0.0/16", "10.{}.0.0/16"), ("fd00:{}::/48", "fd00:{}::/108")]
_FAMILY = st.sampled_from(_FAMILIES)
_GATEWAY = optional(
    port=st.sampled_from([443, 15443, 65535]),
    replicas=st.integers(1, 7),
    serviceAnnotations=st.just({"service.beta.kubernetes.io/load-balancer": "internal, please"}),
)
_AT_NODES = optional(nodePorts=optional(tls=st.just(31443), istiod=st.just(31012), webhook=st.just(31017))).map(
    lambda asked: {"type": "NodePort"} | asked
)
_ADVERTISED = optional(port=st.just(8443), istiodPort=st.just(8012), webhookPort=st.just(8017))
_DATA_PLANE = optional(dataPlane=st.just("sidecar"))


@cache
@st.composite
def providers(draw: st.DrawFn, position: int, embedded: bool, processes: bool = True) -> Config:
    """Who provides a cluster, whose `position` tells its context from others: this machine, or somebody before.

    Pods that are `processes` are of one node, and have no ambient mode.
    """
    if embedded and draw(st.booleans()):
        if processes and draw(st.booleans()):
            return {"embedded": {"pods": "processes"}}
        return {"embedded": draw(_NODES)}
    if not embedded and draw(st.booleans()):
        # Where neither the release of Istio, nor addresses of gateways, nor the data plane are limited.
        return {"kind": {"images": "published", "gatewayAddresses": "cluster"}}
    existing = {"kubeconfig": draw(_KUBECONFIGS), "context": f"c{position}"}
    if embedded:
        return {"existing": existing | {"pods": "simulated"}}
    return {"existing": existing | draw(_PODS)}


def is_simulated(provider: Config) -> bool:
    """Whether the pods of a cluster do not run, by its provider."""
    return "embedded" in provider or provider.get("existing", {}).get("pods") == "simulated"


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
            primary = draw(st.sampled_from((*remote_or, *serving) or (None,)))
            planes[position] = "own" if primary is None else {"remote": primary}
            primaries += [position] if primary is None else []
        outside = [position for position, plane in planes.items() if plane == "own" and homes[position] != mesh]
        hosts = [position for position in outside if simulated[position] == simulated[primaries[0]]]
        host = draw(st.sampled_from((*external_or, *hosts) or (None,)))
        if len(primaries) == 1 and host is not None:
            planes[primaries[0]] = {"external": host}
    return [planes[position] for position in range(len(homes))]


@cache
def revision_names() -> st.SearchStrategy[str]:
    """Names that nothing else of istiod's is called by."""
    return labels(20).filter(
        lambda name: name not in RESERVED_REVISIONS and not name.endswith(RESERVED_REVISION_ENDINGS)
    )


@cache
@st.composite
def istios(draw: st.DrawFn) -> Config:
    """Istio's release and charts, its revisions and what stands for them."""
    config = draw(_RELEASE)
    installed = draw(_installed())
    if len(installed) > 1 or draw(st.booleans()):
        config["revisions"] = {name: draw(_REVISION) for name in installed}
    if "default" not in installed or draw(st.booleans()):
        config["revision"] = draw(st.sampled_from(installed))
    if draw(st.booleans()):
        config["gatewayRevision"] = draw(st.sampled_from(installed))
    if draw(st.booleans()):
        config["tags"] = [name for name in draw(_tags()) if name not in {*installed, "default"}]
    return config


@cache
def _tags() -> st.SearchStrategy[list[str]]:
    return st.lists(revision_names(), max_size=2, unique=True)


@cache
def _installed() -> st.SearchStrategy[list[str]]:
    return st.lists(st.just("default") | revision_names(), min_size=1, max_size=2, unique=True)


def clusters(draw: st.DrawFn, position: int, network: str, mesh: str | None, provider: Config) -> Config:
    """One cluster without its control plane, by `provider`, on which the family of its addresses depends.

    `position`, at most 99, keeps its address ranges apart from those of the others.
    """
    cluster: Config = {"network": network}
    if mesh is not None:
        cluster["mesh"] = mesh
    if draw(st.booleans()):
        cluster["region"] = draw(_REGIONS)
        cluster |= draw(_ZONES)
    if draw(st.booleans()):
        pods, services = _FAMILIES[0] if "existing" not in provider else draw(_FAMILY)
        cluster["podCidr"], cluster["serviceCidr"] = pods.format(position), services.format(position + 100)
    if draw(st.booleans()):
        gateway = draw(_GATEWAY)
        if draw(st.booleans()):
            gateway |= draw(_AT_NODES)
        elif draw(st.booleans()):
            gateway["loadBalancerIp"] = f"198.18.100.{position}"
        if draw(st.booleans()):
            gateway["advertised"] = [{"address": f"198.18.101.{position}"} | draw(_ADVERTISED)]
        cluster["eastWestGateway"] = gateway
    if draw(st.booleans()):
        cluster["discovery"] = draw(discoveries())
    return cluster | draw(_DATA_PLANE)
