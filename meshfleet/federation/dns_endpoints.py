"""DNS names for callers from outside: which gateways each leads to, and the records that say so. Pure.

Sources: https://kubernetes-sigs.github.io/external-dns/latest/docs/sources/crd/ and endpoint/endpoint.go of
kubernetes-sigs/external-dns
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Final

from meshfleet.federation.affinity import mismatch
from meshfleet.federation.candidates import candidates
from meshfleet.federation.services import selected
from meshfleet.topology.addresses import is_ip
from meshfleet.topology.dns_endpoint import DnsEndpoint
from meshfleet.topology.fleet import Fleet

WEIGHT: Final = "aws/weight"
REGION: Final = "aws/region"
"""How records of one name are told apart by Route 53: constants of provider/aws/aws.go."""
_UNKNOWN: Final = "<"
"""How what only a run knows begins while nothing runs (manifests/placeholders.py)."""


@dataclass(frozen=True)
class Name:
    """A DNS name: the clusters whose gateways it leads to, and those that get its object.

    `weights` are those of the targets, None where none are declared.
    """

    key: str
    declared: DnsEndpoint
    targets: tuple[str, ...]
    publishers: tuple[str, ...]
    weights: Mapping[str, int] | None


def dns_names(fleet: Fleet) -> tuple[Name, ...]:
    """The DNS names of a fleet in the order of the stack file; computed once."""
    return fleet.derived(_names)


def records(fleet: Fleet, name: Name, addresses: Mapping[str, str]) -> list[dict[str, Any]]:
    """The `endpoints` of its object, by the addresses of the gateways by cluster.

    One record for all addresses of a kind, or one for each cluster where a weight or the region tells them apart. A
    gateway without an address yet, or with the weight 0, is in none.
    """
    known = {cluster: addresses[cluster] for cluster in name.targets if addresses.get(cluster)}
    if name.weights is None and not name.declared.locality:
        kinds: dict[str, list[str]] = {}
        for address in known.values():
            found = kinds.setdefault(record_type(address), [])
            if address not in found:
                found.append(address)
        return [_record(name.declared, kind, targets) for kind, targets in sorted(kinds.items())]
    found_records = []
    for cluster, address in known.items():
        if name.weights is not None:
            specific = {WEIGHT: str(name.weights[cluster])}
        else:
            specific = {REGION: fleet.clusters[cluster].region}
        if specific.get(WEIGHT) != "0":
            found_records.append(_record(name.declared, record_type(address), [address], cluster, specific))
    return found_records


def record_type(address: str) -> str:
    """The type of the record that leads to an address: A, AAAA, or CNAME for a host name."""
    if is_ip(address):
        return "A" if ip_address(address).version == 4 else "AAAA"
    return "A" if address.startswith(_UNKNOWN) else "CNAME"


def _record(
    declared: DnsEndpoint,
    kind: str,
    targets: list[str],
    identifier: str = "",
    specific: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    made: dict[str, Any] = {
        "dnsName": declared.dns_name,
        "recordType": kind,
        "recordTTL": declared.record_ttl,
        "targets": targets,
    }
    if identifier:
        made["setIdentifier"] = identifier
    settings = {**declared.provider_specific, **(specific or {})}
    if settings:
        made["providerSpecific"] = [{"name": key, "value": value} for key, value in sorted(settings.items())]
    return made


def _names(fleet: Fleet) -> tuple[Name, ...]:
    return tuple(_resolved(fleet, key, declared) for key, declared in fleet.dns_endpoints.items())


def _resolved(fleet: Fleet, key: str, declared: DnsEndpoint) -> Name:
    chosen = tuple(fleet.clusters) if declared.target_clusters is None else selected(fleet, declared.target_clusters)
    targets = chosen
    if declared.target_clusters is None:
        targets = tuple(one for one in chosen if declared.ingress_gateway in fleet.clusters[one].ingress_gateways)
    publishers: tuple[str, ...] = (fleet.host,)
    if declared.publishing_clusters is not None:
        publishers = selected(fleet, declared.publishing_clusters)
    return Name(key, declared, targets, publishers, _weights(fleet, declared, targets) if declared.weights else None)


def _weights(fleet: Fleet, declared: DnsEndpoint, targets: tuple[str, ...]) -> dict[str, int]:
    """The largest weight of each target, 0 for one that has none."""
    found = dict.fromkeys(targets, 0)
    for one in candidates(fleet):
        given = [each.weight for each in declared.weights if not mismatch(each.target_clusters, one)]
        if one.name in found and given:
            found[one.name] = max(given)
    return found
