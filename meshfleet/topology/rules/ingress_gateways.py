"""Ingress gateways: their names and places, and listeners that do not get in each other's way.

Sources: https://istio.io/latest/docs/reference/config/networking/gateway/#Server,
https://gateway-api.sigs.k8s.io/reference/spec/#listener and, for remote clusters,
https://istio.io/latest/docs/ops/deployment/deployment-models/#control-plane-models
"""

from __future__ import annotations

from collections.abc import Iterator

from meshfleet.errors.faults import Fault
from meshfleet.redaction.shown import shown
from meshfleet.topology.cluster import Cluster
from meshfleet.topology.draft import Draft
from meshfleet.topology.gateways import IngressGateway, Listener
from meshfleet.topology.names import (
    GATEWAY_LENGTH,
    RELEASE_LENGTH,
    RESERVED_GATEWAY_PREFIXES,
    RESERVED_GATEWAYS,
    SERVICE_NAME,
    label_fault,
    remote_gateway,
)

# https://istio.io/latest/docs/ops/deployment/application-requirements/#ports-used-by-istio
DEPLOYED_BY_ISTIOD = "https://istio.io/latest/docs/tasks/traffic-management/ingress/gateway-api/#automated-deployment"
PROXY_PORTS = frozenset({15000, 15001, 15002, 15004, 15006, 15008, 15009, 15020, 15021, 15053, 15090})


def ingress_gateways(draft: Draft) -> Iterator[Fault]:
    """Yield a fault for each gateway that cannot be called or placed so, and for each of its listeners in the way."""
    config_gateways = _own_gateways(draft)
    for name, cluster in draft.clusters.items():
        path = f"clusters.{name}.ingressGateways"
        for gateway, declared in cluster.ingress_gateways.items():
            inside = f"{path}.{gateway}"
            if fault := _name_fault(gateway, declared.api) or _taken(gateway, declared, cluster):
                yield Fault(inside, fault)
            yield from _place(draft, inside, name, declared)
            if cluster.control_plane.kind == "remote":
                yield from _remote(draft, inside, name, gateway, config_gateways)
            yield from _listeners(f"{inside}.listeners", declared)


def _name_fault(name: str, api: str) -> str | None:
    longest, because = (
        (RELEASE_LENGTH, "since it names a Helm release")
        if api == "istio"
        else (GATEWAY_LENGTH, "since <name>-istio is derived from it")
    )
    if fault := label_fault(name, longest, because, SERVICE_NAME):
        return fault
    if name in RESERVED_GATEWAYS or name.startswith(RESERVED_GATEWAY_PREFIXES):
        return (
            f"{name!r} is reserved; reserved are {', '.join(sorted(RESERVED_GATEWAYS))} and all that begin with "
            f"{', '.join(RESERVED_GATEWAY_PREFIXES)}"
        )
    return None


def _taken(name: str, declared: IngressGateway, cluster: Cluster) -> str | None:
    # istiod calls what it makes for a Gateway of the Gateway API so.
    other = cluster.ingress_gateways.get(name.removesuffix("-istio"))
    made_for_other = other and other.api == "gateway" and other.namespace == declared.namespace
    if declared.api == "istio" and name.endswith("-istio") and made_for_other:
        return f"{name!r} is what istiod calls the Service of {name.removesuffix('-istio')!r}; use another name"
    return None


def _own_gateways(draft: Draft) -> dict[tuple[str, str], str]:
    """The path of each Istio Gateway of a primary's own ingress gateways, by primary and name."""
    return {
        (cluster, gateway): f"clusters.{cluster}.ingressGateways.{gateway}"
        for cluster, other in draft.clusters.items()
        if other.control_plane.kind != "remote"
        for gateway, declared in other.ingress_gateways.items()
        if declared.api == "istio"
    }


def _remote(
    draft: Draft, path: str, cluster: str, name: str, config_gateways: dict[tuple[str, str], str]
) -> Iterator[Fault]:
    """A gateway of a remote cluster, whose Istio Gateway is in the config cluster beside those of `config_gateways`.

    Only there does istiod read configuration, and deploy gateways of the Gateway API
    (pilot/pkg/config/kube/gateway/deploymentcontroller.go of istio/istio).
    """
    primary = draft.primary_of(cluster)
    if draft.clusters[cluster].ingress_gateways[name].api == "gateway":
        yield Fault(
            f"{path}.api",
            f"{cluster!r} is a remote cluster of {primary!r}, and istiod deploys Gateways of the Gateway API in its "
            f"config cluster only ({DEPLOYED_BY_ISTIOD}); use `api: istio`, or declare the gateway in {primary!r}",
        )
        return
    made = remote_gateway(cluster, name)
    first = config_gateways.setdefault((primary, made), path)
    if first != path:
        yield Fault(path, f"its Gateway in {primary!r} is called {made!r}, as that of {first}; use another name")
    elif made in RESERVED_GATEWAYS or made.startswith(RESERVED_GATEWAY_PREFIXES):
        yield Fault(path, f"its Gateway in {primary!r} is called {made!r}, which is reserved; use another name")


def _place(draft: Draft, path: str, cluster: str, declared: IngressGateway) -> Iterator[Fault]:
    if not declared.namespace:
        return
    if declared.namespace not in draft.names["namespaces"]:
        known = ", ".join(draft.names["namespaces"]) or "none"
        yield Fault(f"{path}.namespace", f"no namespace is named {shown(declared.namespace)}; known are {known}")
        return
    # One that is unreadable is a fault of its own.
    namespace = draft.namespaces.get(declared.namespace)
    if not namespace or not namespace.clusters:
        return
    # That of a remote cluster too is in its config cluster, with the Istio Gateway.
    for needed in dict.fromkeys((cluster, draft.primary_of(cluster))):
        if needed in draft.clusters and needed not in namespace.clusters:
            because = "" if needed == cluster else ", where its Gateway is read"
            yield Fault(
                f"{path}.namespace",
                f"the namespace {declared.namespace!r} exists in {', '.join(namespace.clusters)} only; "
                f"add {needed!r} to its clusters{because}",
            )


def _listeners(path: str, declared: IngressGateway) -> Iterator[Fault]:
    if not declared.listeners:
        yield Fault(path, "the list is empty; a gateway takes something")
    hosts: dict[tuple[int, str], str] = {}
    kinds: dict[int, tuple[str, str]] = {}
    for position, listener in enumerate(declared.listeners):
        inside = f"{path}[{position}]"
        yield from _listener(inside, listener)
        for number, host in enumerate(listener.hosts):
            first = hosts.setdefault((listener.port, host), f"{inside}.hosts[{number}]")
            if first != f"{inside}.hosts[{number}]":
                yield Fault(
                    f"{inside}.hosts[{number}]",
                    f"{shown(host)} at port {listener.port} is also {first}; give each host once for a port",
                )
        kind = "plain text" if listener.protocol == "HTTP" else "TLS"
        before, place = kinds.setdefault(listener.port, (kind, inside))
        if before != kind:
            yield Fault(
                f"{inside}.protocol",
                f"{listener.protocol} at port {listener.port} is {kind}, and {place} takes {before} there; "
                "use another port",
            )


def _listener(path: str, listener: Listener) -> Iterator[Fault]:
    if listener.port in PROXY_PORTS:
        yield Fault(f"{path}.port", f"the port {listener.port} is one of the proxy's own; use another, such as 443")
    if not listener.hosts:
        yield Fault(f"{path}.hosts", "the list is empty; name a host, or leave the list out for every host")
    if listener.protocol == "HTTP" and listener.credential_name:
        yield Fault(f"{path}.credentialName", "HTTP is plain text and needs no certificate; use HTTPS, or leave it out")
    if listener.protocol == "HTTPS" and not listener.credential_name:
        yield Fault(f"{path}.credentialName", "missing; HTTPS needs the name of the Secret with the certificate")
