"""An istiod's debug API, read as typed records.

Source: https://istio.io/latest/docs/ops/diagnostic-tools/ and pilot/pkg/xds/debug.go. The responses have
no published schema, so each parser reads only the fields that a check uses, and its error shows what it received.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from meshfleet.errors import UnreachableError, VerificationError
from meshfleet.errors.causes import Cause
from meshfleet.kube.transport import get, json_value
from meshfleet.verification.view import ClusterView

SHARD_PROVIDER = "Kubernetes/"
"""The key of a shard is the provider and the cluster of its registry: `Kubernetes/west`."""


@dataclass(frozen=True)
class KnownCluster:
    """One entry of /debug/clusterz: a cluster that istiod discovers, its remote secret, and its sync status."""

    id: str
    secret: str
    status: str


@dataclass(frozen=True, order=True)
class NetworkGateway:
    """One entry of /debug/networkz: how istiod sends traffic to a network."""

    network: str
    cluster: str
    address: str
    port: int


@dataclass(frozen=True)
class Shard:
    """The endpoints that one cluster contributes to a service: their number and their networks."""

    cluster: str
    endpoints: int
    networks: frozenset[str]


@dataclass(frozen=True, order=True)
class Endpoint:
    """One endpoint of a service in an istiod: its cluster, address, network and locality.

    `workload` and `node` are empty for an endpoint that is neither a pod nor a machine; `locality` is
    `region/zone/subzone`.
    """

    host: str
    cluster: str
    address: str
    network: str
    locality: str
    workload: str
    node: str


@dataclass(frozen=True)
class ProxyNode:
    """One entry of /debug/adsz: the node metadata of a connected proxy. `node` is empty for a proxy outside of pods."""

    cluster: str
    namespace: str
    workload: str
    network: str
    mesh: str
    account: str
    node: str


@dataclass(frozen=True)
class ConnectedProxy:
    """One entry of /debug/syncz: a proxy, `name.namespace`, and its last error (NACK) by resource type."""

    cluster: str
    name: str
    errors: Mapping[str, str]


def query(cluster: ClusterView, page: str, timeout: float) -> Any:
    """GET one page of the debug API of the cluster's istiod and decode its JSON.

    Raises UnreachableError when istiod does not respond within `timeout` seconds (ten at most), VerificationError
    when the response is not in the format of the debug API.
    """
    url = cluster.control_plane.debug_url
    if url is None:
        raise VerificationError(
            f"status has no debugUrl for the control plane of {cluster.name}; run `meshfleet up` to start it"
        )
    where = f"the istiod of {cluster.name} ({cluster.control_plane.revision}) at {url}/debug/{page}"
    try:
        found = get(f"{url}/debug/{page}", seconds=min(timeout, 10.0))
    except UnreachableError as error:
        hint = error.advice or ("`meshfleet up` starts it again" if error.cause is Cause.REFUSED else "")
        raise UnreachableError(where, error.cause, error.detail, advice=hint) from error
    if found.status != 200:
        raise VerificationError(f"{where} returned HTTP {found.status}: {found.shown}")
    try:
        return json_value(found)
    except ValueError as error:
        raise VerificationError(f"{where} did not return JSON: {found.shown!r}") from error


def known_clusters(answer: Any) -> tuple[KnownCluster, ...]:
    """Parse /debug/clusterz. Raises VerificationError for another format."""
    return tuple(
        KnownCluster(
            id=str(entry.get("id", "")),
            secret=str(entry.get("secretName", "")),
            status=str(entry.get("syncStatus", "")),
        )
        for entry in _records(answer, "clusterz")
    )


def network_gateways(answer: Any) -> tuple[NetworkGateway, ...]:
    """Parse /debug/networkz, which is `null` before the first gateway. Raises VerificationError."""
    gateways = []
    for entry in _records(answer, "networkz"):
        # A gateway of ambient mode has only the HBONE port.
        port = entry.get("Port", 0) or entry.get("HBONEPort", 0)
        if not isinstance(port, int):
            raise VerificationError(f"/debug/networkz: Port is {port!r}, not a number")
        gateways.append(
            NetworkGateway(
                network=str(entry.get("Network", "")),
                cluster=str(entry.get("Cluster", "")),
                address=str(entry.get("Addr", "")),
                port=port,
            )
        )
    return tuple(sorted(gateways))


def mesh_config(answer: Any) -> Mapping[str, Any]:
    """Parse /debug/mesh, the effective mesh configuration. Raises VerificationError for another format."""
    return _mapping(answer, "mesh")


def root_objects(answer: Any, namespace: str) -> dict[tuple[str, str], Mapping[str, Any]]:
    """Parse /debug/configz into kind and name → spec, of the objects of one namespace. Raises VerificationError."""
    found = {}
    for entry in _records(answer, "configz"):
        metadata = _mapping(entry.get("metadata"), "configz metadata")
        if metadata.get("namespace") == namespace:
            key = (str(entry.get("kind", "")), str(metadata.get("name", "")))
            found[key] = _mapping(entry.get("spec") or {}, "configz spec")
    return found


def service_shards(answer: Any) -> dict[str, dict[str, Shard]]:
    """Parse /debug/endpointShardz into service host name → cluster → shard. Raises VerificationError."""
    if not isinstance(answer, Mapping):
        raise VerificationError(f"/debug/endpointShardz is {type(answer).__name__}, not an object")
    services: dict[str, dict[str, Shard]] = {}
    for host, namespaces in answer.items():
        found = services.setdefault(str(host), {})
        for entry in _mapping(namespaces, f"endpointShardz {host}").values():
            shards = _mapping(entry, f"endpointShardz {host}").get("Shards") or {}
            for key, endpoints in _mapping(shards, f"endpointShardz {host}.Shards").items():
                if not str(key).startswith(SHARD_PROVIDER):
                    continue
                cluster = str(key).removeprefix(SHARD_PROVIDER)
                records = _records(endpoints, f"endpointShardz {host} {key}")
                found[cluster] = Shard(
                    cluster=cluster,
                    endpoints=len(records),
                    networks=frozenset(str(record.get("Network", "")) for record in records),
                )
    return services


def endpoints(answer: Any) -> tuple[Endpoint, ...]:
    """Parse /debug/endpointShardz into every endpoint of every cluster. Raises VerificationError."""
    if not isinstance(answer, Mapping):
        raise VerificationError(f"/debug/endpointShardz is {type(answer).__name__}, not an object")
    found = []
    for host, namespaces in answer.items():
        for entry in _mapping(namespaces, f"endpointShardz {host}").values():
            shards = _mapping(entry, f"endpointShardz {host}").get("Shards") or {}
            for key, records in _mapping(shards, f"endpointShardz {host}.Shards").items():
                found += [
                    _endpoint(str(host), str(key).rpartition("/")[2], record)
                    for record in _records(records, f"endpointShardz {host} {key}")
                ]
    return tuple(found)


def _endpoint(host: str, cluster: str, record: Mapping[str, Any]) -> Endpoint:
    locality = record.get("Locality")
    addresses = record.get("Addresses") or [""]
    return Endpoint(
        host=host,
        cluster=cluster,
        address=str(addresses[0]) if isinstance(addresses, list) else "",
        network=str(record.get("Network") or ""),
        locality=str(locality.get("Label") or "") if isinstance(locality, Mapping) else "",
        workload=str(record.get("WorkloadName") or ""),
        node=str(record.get("NodeName") or ""),
    )


def proxy_nodes(answer: Any) -> tuple[ProxyNode, ...]:
    """Parse /debug/adsz. Raises VerificationError for another format."""
    found = []
    for entry in _records(_mapping(answer, "adsz").get("clients"), "adsz clients"):
        metadata = entry.get("metadata")
        metadata = metadata if isinstance(metadata, Mapping) else {}
        fields = ("CLUSTER_ID", "NAMESPACE", "WORKLOAD_NAME", "NETWORK", "MESH_ID", "SERVICE_ACCOUNT", "NODE_NAME")
        found.append(ProxyNode(*(str(metadata.get(name) or "") for name in fields)))
    return tuple(found)


def connected_proxies(answer: Any) -> tuple[ConnectedProxy, ...]:
    """Parse /debug/syncz; a proxy that acknowledged every resource has no errors. Raises VerificationError."""
    found = []
    for entry in _records(answer, "syncz"):
        resources = _mapping(entry.get("resources") or {}, "syncz resources")
        errors = {
            str(kind).rpartition(".")[2]: str(state["lastError"])
            for kind, state in resources.items()
            if _mapping(state, f"syncz {kind}").get("lastError")
        }
        found.append(ConnectedProxy(str(entry.get("cluster_id", "")), str(entry.get("proxy", "")), errors))
    return tuple(found)


def _records(answer: Any, page: str) -> list[Mapping[str, Any]]:
    if answer is None:
        return []
    if not isinstance(answer, list) or not all(isinstance(entry, Mapping) for entry in answer):
        raise VerificationError(f"/debug/{page} is not a list of objects: {str(answer)[:120]}")
    return answer


def _mapping(value: Any, page: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise VerificationError(f"/debug/{page} is {type(value).__name__}, not an object")
    return value
