"""What a proxy is given when it is injected, and reads only when it starts.

A running proxy keeps all of it until its pod is replaced. So it stands in an annotation of the pod template of every
workload and gateway of the fleet: when any of it changes, their Deployments roll out, after the control plane that
injects the new value. `verify` compares the same facts with what each running pod has.

Sources: manifests/charts/istio-control/istio-discovery/files/injection-template.yaml and, for region and zone, which
istiod reads from the pod's node when it first sees the pod, getPodLocality of
pilot/pkg/serviceregistry/kube/controller/controller.go of istio/istio
"""

from __future__ import annotations

import json
from typing import Any

from meshfleet.manifests import istio_csr
from meshfleet.manifests.added_values import of_proxies
from meshfleet.manifests.control_plane import proxy_settings
from meshfleet.manifests.names import istiod_service
from meshfleet.topology import Fleet

ANNOTATION = "meshfleet/injected"


def workload_facts(fleet: Fleet, cluster: str) -> dict[str, Any]:
    """What a sidecar of a cluster has: field → value, without those that are empty."""
    return _facts(fleet, cluster, fleet.istio.revision)


def gateway_facts(fleet: Fleet, cluster: str) -> dict[str, Any]:
    """The same of the proxy of an ingress gateway."""
    return _facts(fleet, cluster, fleet.istio.gateways)


def east_west_facts(fleet: Fleet, cluster: str) -> dict[str, Any]:
    """The same of the east-west gateway's, which is on the network that it leads into: its pods have the label."""
    return gateway_facts(fleet, cluster) | {"network": fleet.gateway_network(cluster)}


def annotation(facts: dict[str, Any]) -> dict[str, str]:
    """The annotation of a pod template. Readable, so that a preview shows which field makes pods restart."""
    return {ANNOTATION: json.dumps(facts, sort_keys=True, separators=(",", ":"))}


def described(fleet: Fleet, cluster: str) -> dict[str, Any]:
    """The facts of a cluster as status tells them."""
    return {
        "workloads": workload_facts(fleet, cluster),
        "gateways": gateway_facts(fleet, cluster),
        "eastWest": east_west_facts(fleet, cluster),
    }


def _facts(fleet: Fleet, cluster: str, revision: str) -> dict[str, Any]:
    declared, mesh = fleet.clusters[cluster], fleet.mesh_of(cluster)
    added = of_proxies(fleet, cluster, revision)
    metadata = added.get("meshConfig", {}).get("defaultConfig", {}).get("proxyMetadata", {})
    facts: dict[str, Any] = {
        "cluster": cluster,
        "mesh": mesh,
        "network": declared.network,
        "region": declared.region,
        "zone": declared.zone,
        "trustDomain": fleet.meshes[mesh].trust_domain,
        "revision": revision,
        "version": fleet.istio.version_of(revision),
        "discoveryAddress": f"{istiod_service(revision)}.{fleet.system_namespace(cluster)}.svc:15012",
        "caAddress": istio_csr.address(fleet, cluster) if fleet.has_istio_csr(cluster) else "",
        "proxyMetadata": proxy_settings(fleet, mesh) | metadata,
        "added": added,
    }
    return {name: value for name, value in facts.items() if value}
