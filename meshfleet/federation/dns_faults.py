"""What is wrong with the DNS names of a fleet, seen once their clusters are chosen. Pure.

What a stack file alone shows is in the rules of the topology (rules/dns_endpoints.py).
"""

from __future__ import annotations

from collections.abc import Iterator

from meshfleet.errors.faults import Fault
from meshfleet.federation.affinity import listed, selecting_nothing
from meshfleet.federation.candidates import candidates
from meshfleet.federation.dns_endpoints import REGION, WEIGHT, Name, dns_names
from meshfleet.topology.fleet import Fleet
from meshfleet.topology.rules.dns_endpoints import selectors


def dns_faults(fleet: Fleet) -> list[Fault]:
    """Every fault of the DNS names of a fleet, but for those that the stack file alone shows."""
    return [fault for name in dns_names(fleet) for fault in _of_one(fleet, f"dnsEndpoints.{name.key}", name)]


def _of_one(fleet: Fleet, path: str, name: Name) -> Iterator[Fault]:
    declared = name.declared
    yield from selecting_nothing(path, selectors(declared), candidates(fleet))
    without = [one for one in name.targets if declared.ingress_gateway not in fleet.clusters[one].ingress_gateways]
    if without:
        yield Fault(
            f"{path}.targetClusters",
            f"{listed(without)} has no ingress gateway {declared.ingress_gateway}; leave it out, or "
            "declare the gateway",
        )
    yield from _listeners(fleet, path, name)
    if declared.namespace:
        missing = [one for one in name.publishers if declared.namespace not in fleet.namespaces_of(one)]
        if missing:
            yield Fault(
                f"{path}.namespace",
                f"the namespace {declared.namespace} does not exist in {listed(missing)}; add it to its clusters, or "
                "leave it out for that of the control plane",
            )
    if declared.locality and (nowhere := [one for one in name.targets if not fleet.clusters[one].region]):
        yield Fault(f"{path}.locality", f"{listed(nowhere)} has no region; give it one, or leave locality out")
    if name.weights is not None and name.targets and not any(name.weights.values()):
        yield Fault(f"{path}.weights", "no target has a weight above zero; give one a weight")
    for key in (WEIGHT, REGION):
        if key in declared.provider_specific:
            field = "weights" if key == WEIGHT else "locality"
            yield Fault(f"{path}.providerSpecific.{key}", f"is set by {field}; leave it out")
    yield from _host_names(fleet, path, name)


def _listeners(fleet: Fleet, path: str, name: Name) -> Iterator[Fault]:
    """Each gateway lets requests for the name in."""
    closed = []
    for one in name.targets:
        gateway = fleet.clusters[one].ingress_gateways.get(name.declared.ingress_gateway)
        hosts = [host for each in gateway.listeners for host in each.hosts] if gateway else ["*"]
        if not any(_fits(host, name.declared.dns_name) for host in hosts):
            closed.append(one)
    if closed:
        yield Fault(
            f"{path}.dnsName",
            f"no listener of the ingress gateway {name.declared.ingress_gateway} in {listed(closed)} has the host; add "
            "it to the hosts of one",
        )


def _fits(host: str, name: str) -> bool:
    return host in ("*", name) or (host.startswith("*.") and name.endswith(host[1:]))


def _host_names(fleet: Fleet, path: str, name: Name) -> Iterator[Fault]:
    """A name leads to one other name at most: RFC 1034, section 3.6.2."""
    named = [
        one
        for one in name.targets
        if (gateway := fleet.clusters[one].ingress_gateways.get(name.declared.ingress_gateway)) and gateway.hostname
    ]
    if named and len(name.targets) > 1 and name.weights is None and not name.declared.locality:
        yield Fault(
            path,
            f"the gateways of {listed(named)} have a hostname, and a name leads to one other name at most; give "
            "weights or locality, which make a record for each cluster",
        )
