"""DNS names for callers from outside, as objects that an ExternalDNS of the user's own publishes.

Source: https://kubernetes-sigs.github.io/external-dns/latest/docs/sources/crd/
"""

from __future__ import annotations

from functools import partial

from meshfleet.federation.dns_endpoints import dns_names, records
from meshfleet.manifests import definitions, names
from meshfleet.manifests.definitions import DNS_VERSION
from meshfleet.manifests.objects import metadata
from meshfleet.manifests.section import Document, Known, Point, Section, Stage
from meshfleet.topology import Fleet

DEFINITION = "dns-definition"


def documents(fleet: Fleet, cluster: str, known: Known) -> list[Document]:
    """The definition where it is asked for, and the DNS names that are published from a cluster."""
    found = [name for name in dns_names(fleet) if cluster in name.publishers]
    made = []
    defined = any(name.declared.definition for name in found)
    if defined:
        made.append(Document(DEFINITION, SECTION, definitions.dns_endpoint(), after=(Point.SYSTEM_PREPARED,)))
    for name in found:
        namespace = name.declared.namespace or fleet.system_namespace(cluster)
        place = names.namespace(namespace) if name.declared.namespace else Point.SYSTEM_PREPARED
        gateways = dict.fromkeys(name.targets, name.declared.ingress_gateway)
        endpoints = known.of_ingress_gateways(gateways, partial(records, fleet, name))
        body = {
            "apiVersion": DNS_VERSION,
            "kind": "DNSEndpoint",
            "metadata": metadata(name.key, namespace),
            "spec": {"endpoints": endpoints},
        }
        made.append(Document(f"dns-{name.key}", SECTION, body, after=(place, *((DEFINITION,) if defined else ()))))
    return made


SECTION = Section(
    name="dns-endpoints",
    stage=Stage.WORKLOADS,
    component="DnsEndpoints",
    documents=documents,
    declared_in="dnsEndpoints",
    what="[DNS names](names.md#names-for-callers-from-outside) for an ExternalDNS, and its definition",
    waits_for="their namespace; the addresses of the ingress gateways they lead to",
)
