"""Whether istiods know the endpoints of a new home, so that what it replaces can be taken away without a lost request.

Pods are ready in their own cluster before other clusters send them requests: an istiod may still be on its way back to
the API server of a cluster that was lost.
Source: /debug/endpointShardz, pilot/pkg/model/endpointshards.go: one shard per registry.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from meshfleet.federation.failover import Move
from meshfleet.federation.propagated import propagations
from meshfleet.topology import Fleet
from meshfleet.topology.propagation.kinds import mapping
from meshfleet.verification import FleetView
from meshfleet.verification.access import istiod_access
from meshfleet.verification.istiod import Endpoint, endpoints

_SECONDS: Final = 5.0
_DOMAIN: Final = "svc.cluster.local"


def services_of(fleet: Fleet, moves: Iterable[Move]) -> dict[str, tuple[str, ...]]:
    """The hosts of propagated Services that select the pods of moved objects, by the cluster of these. Pure."""
    found: dict[str, dict[str, None]] = {}
    for move in moves:
        body = move.one.copies[move.cluster].body if move.cluster in move.one.copies else move.one.body
        spec = mapping(body.get("spec"))
        labels = mapping(mapping(mapping(spec.get("template")).get("metadata")).get("labels"))
        if not labels or move.after == 0:
            continue
        for other in propagations(fleet).of(move.cluster):
            if other.key.kind == "Service" and other.key.namespace == move.one.key.namespace:
                selector = mapping(mapping(other.copies[move.cluster].body.get("spec")).get("selector"))
                if selector and selector.items() <= labels.items():
                    host = f"{other.key.name}.{other.key.namespace}.{_DOMAIN}"
                    found.setdefault(move.cluster, {})[host] = None
    return {cluster: tuple(hosts) for cluster, hosts in found.items()}


def unknown(view: FleetView, services: Mapping[str, Iterable[str]], answers: Mapping[str, bool]) -> list[str]:
    """What istiods that answer do not know yet, a line each; empty once requests reach every new home.

    Raises MeshfleetError for an istiod that gives no response.
    """
    wanted = {
        cluster.name: [(home, host) for home, hosts in services.items() if home in discovered for host in hosts]
        for cluster in view.istiods()
        if answers.get(cluster.name)
        and (discovered := {cluster.name, *(one.name for one in view.discovered_from(cluster))})
    }
    pages = {
        cluster.name: [
            known_in(endpoints(page.value)) for page in istiod_access(view, cluster).pages("endpointShardz", _SECONDS)
        ]
        for cluster in view.istiods()
        if wanted.get(cluster.name)
    }
    return [
        line for name, each in pages.items() for page in each for line in missing_in(name, wanted[name], page, pages)
    ]


Known = Mapping[tuple[str, str], frozenset[str]]
"""The addresses that an istiod has, by cluster and host."""


def known_in(found: Iterable[Endpoint]) -> Known:
    """The addresses of endpoints by their cluster and host."""
    known: dict[tuple[str, str], frozenset[str]] = {}
    for one in found:
        key = (one.cluster, one.host)
        known[key] = known.get(key, frozenset()) | {one.address}
    return known


def missing_in(
    name: str, wanted: Iterable[tuple[str, str]], page: Known, pages: Mapping[str, Iterable[Known]]
) -> Iterator[str]:
    """What the istiod of the cluster `name` does not know by one of its pages, a line each. Pure.

    The istiod of a home itself, among `pages`, has the endpoints that are there now: another may have those of before,
    while it is on its way back to that cluster.
    """
    for home, host in wanted:
        found = page.get((home, host), frozenset())
        there = frozenset[str]().union(*(own.get((home, host), frozenset()) for own in pages.get(home, ())))
        if not found:
            yield f"the istiod of {name} has no endpoints of {host} in {home}"
        elif not there <= found:
            yield f"the istiod of {name} has former endpoints of {host} in {home}"
