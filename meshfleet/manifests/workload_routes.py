"""What leads to the versions of a workload, and who may call it: objects of Istio, equal in every primary of a mesh.

Sources: https://istio.io/latest/docs/reference/config/networking/virtual-service/,
https://istio.io/latest/docs/reference/config/networking/destination-rule/ and
https://istio.io/latest/docs/reference/config/security/authorization-policy/
"""

from __future__ import annotations

from collections.abc import Mapping

from meshfleet.manifests.ambient import WAYPOINT
from meshfleet.manifests.mesh_settings import traffic_policy
from meshfleet.manifests.objects import Object, metadata
from meshfleet.topology import Fleet, Workload


def subsets(fleet: Fleet, mesh: str, name: str, workload: Workload, host: str) -> Object:
    """The versions as subsets of the Service.

    It takes the place of the mesh's rule for all services: without the outlier detection of that one, the workload
    would fail over nowhere.
    """
    spec: Object = {
        "host": host,
        "subsets": [{"name": version, "labels": {"version": version}} for version in sorted(workload.versions)],
    }
    if policy := traffic_policy(fleet.meshes[mesh].settings):
        spec["trafficPolicy"] = policy
    return _of_istio("networking.istio.io/v1", "DestinationRule", name, workload, spec)


def routes(name: str, workload: Workload, host: str, ports: Mapping[str, int]) -> Object:
    """Which requests go to which version: by their headers first, and the rest by weights.

    The first that fits holds, so that of several headers go before fewer. Without weights the rest goes to the one
    version that asks for no headers. Of a Service with several `ports` a route has to say which it leads to (IST0112),
    so each port has routes of its own.
    """
    http = [route for port, number in ports.items() for route in _routes_of_port(workload, host, port, number)]
    return _of_istio("networking.istio.io/v1", "VirtualService", name, workload, {"hosts": [host], "http": http})


def _routes_of_port(workload: Workload, host: str, port: str, number: int) -> list[Object]:
    versions = sorted(workload.versions.items(), key=lambda pair: (-len(pair[1].headers), pair[0]))
    by_headers: list[Object] = [
        {
            "name": f"{port}-{version}-by-headers",
            "match": [
                {
                    "port": number,
                    "headers": {header: {"exact": value} for header, value in sorted(declared.headers.items())},
                }
            ],
            "route": [_destination(host, version, number)],
        }
        for version, declared in versions
        if declared.headers
    ]
    if workload.weighted:
        shares = {version: declared.weight or 0 for version, declared in sorted(workload.versions.items())}
        rest = [_destination(host, version, number) | {"weight": weight} for version, weight in shares.items()]
    else:
        rest = [_destination(host, version, number) for version, declared in versions if not declared.headers]
    return [*by_headers, {"name": f"{port}-the-rest", "match": [{"port": number}], "route": rest}]


def policies(fleet: Fleet, cluster: str, name: str, workload: Workload) -> dict[str, Object]:
    """Who may call a workload, by what each policy is; none where everybody may.

    Where a waypoint stands before the Service, it is the waypoint that sees the caller, and the pods see the waypoint.
    Source: https://istio.io/latest/docs/ambient/usage/l7-features/
    """
    if not workload.allowed_callers:
        return {}
    trust_domain = fleet.meshes[fleet.mesh_of(cluster)].trust_domain
    principals = [_principal(trust_domain, *caller.split("/", 1)) for caller in sorted(workload.allowed_callers)]
    pods: Object = {"selector": {"matchLabels": {"app": name}}}
    ambient = fleet.clusters[cluster].data_plane == "ambient"
    if not (ambient and fleet.namespaces[workload.namespace].waypoint):
        return {"callers": _policy(name, workload, pods, principals)}
    service: Object = {"targetRefs": [{"group": "", "kind": "Service", "name": name}]}
    waypoint = [_principal(trust_domain, workload.namespace, WAYPOINT)]
    return {
        "callers": _policy(name, workload, service, principals),
        "waypoint": _policy(f"{name}-{WAYPOINT}", workload, pods, waypoint),
    }


def _policy(name: str, workload: Workload, target: Object, principals: list[str]) -> Object:
    spec = target | {"action": "ALLOW", "rules": [{"from": [{"source": {"principals": principals}}]}]}
    return _of_istio("security.istio.io/v1", "AuthorizationPolicy", name, workload, spec)


def _principal(trust_domain: str, namespace: str, account: str) -> str:
    """An identity as policies name it: its SPIFFE ID without the scheme."""
    return f"{trust_domain}/ns/{namespace}/sa/{account}"


def _destination(host: str, version: str, port: int) -> Object:
    return {"destination": {"host": host, "subset": version, "port": {"number": port}}}


def _of_istio(api_version: str, kind: str, name: str, workload: Workload, spec: Object) -> Object:
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": metadata(name, workload.namespace),
        "spec": spec,
    }
