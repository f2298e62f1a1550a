"""Whether istiods know the endpoints of a new home, so that what it replaces can be taken away without a lost request.

Pods are ready in their own cluster before other clusters send them requests: an istiod may still be on its way back to
the API server of a cluster that was lost.
Source: /debug/endpointShardz, pilot/pkg/model/endpointshards.go: one shard per registry.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from meshfleet.federation.failover import Move
from meshfleet.federation.propagated import propagations
from meshfleet.topology import Fleet
from meshfleet.topology.propagation.kinds import mapping
from meshfleet.verification import FleetView, istiod
from meshfleet.verification.access import istiod_access

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

    Raises MeshfleetError for an istiod that gives no answer.
    """
    lacking: list[str] = []
    for cluster in view.istiods():
        discovered = {one.name for one in view.discovered_from(cluster)}
        wanted = [(home, host) for home, hosts in services.items() if home in discovered for host in hosts]
        if not answers.get(cluster.name) or not wanted:
            continue
        for page in istiod_access(view, cluster).pages("endpointShardz", _SECONDS):
            lacking += _lacking(cluster.name, wanted, page.value)
    return lacking


def _lacking(name: str, wanted: Iterable[tuple[str, str]], page: Any) -> list[str]:
    shards = istiod.service_shards(page)
    return [
        f"the istiod of {name} has no endpoints of {host} in {home}"
        for home, host in wanted
        if home not in shards.get(host, {}) or not shards[host][home].endpoints
    ]
