"""Which clusters a name leads to, and the records that say so, for any fleet. Pure."""

from __future__ import annotations

from collections import Counter
from ipaddress import IPv4Address
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshfleet.federation.dns_endpoints import dns_names, records
from meshfleet.federation.services import federated_services
from meshfleet.manifests.addition_faults import checked
from meshfleet.manifests.plan import own_plan
from meshfleet.topology import Fleet, load
from meshfleet.topology.multi_cluster_service import ADDRESSES, address_of

pytestmark = pytest.mark.proof("one name leads to a Service in several clusters", step=0)

Config = dict[str, Any]
CLUSTERS = ("a", "b", "c", "d")
GATEWAY: Config = {"public": {"api": "istio", "listeners": [{"port": 80}]}}
GATEWAYS = dict.fromkeys(CLUSTERS, "")


def fleet(services: Config, **dns: Any) -> Fleet:
    """Four clusters of one mesh and network, each with an ingress gateway."""
    return checked(
        load(
            "x",
            {
                "host": "a",
                "networks": {"n": {}},
                "meshes": {"m": {"settings": {"dnsCapture": True}}},
                "clusters": {
                    name: {"embedded": {}, "network": "n", "region": f"r-{name}", "ingressGateways": GATEWAY}
                    for name in CLUSTERS
                },
                "namespaces": {"shop": {}},
                "multiClusterServices": services,
                "dnsEndpoints": {"shop": {"dnsName": "shop.example.com", "ingressGateway": "public"} | dns},
            },
        )
    )


some = st.lists(st.sampled_from(CLUSTERS), min_size=1, unique=True)


@given(some, some, st.sampled_from(["ClusterSetIP", "Headless"]))
def test_a_name_is_known_where_it_is_called_and_provided_and_has_a_service_everywhere_there(
    providers: list[str], consumers: list[str], kind: str
) -> None:
    declared = {
        "namespace": "shop",
        "type": kind,
        "ports": [{"name": "http", "port": 80}],
        "providerClusters": {"clusterNames": providers},
        "consumerClusters": {"clusterNames": consumers},
    }
    made = fleet({"till": declared})
    (one,) = federated_services(made)
    assert set(one.importers) == {*providers, *consumers}
    for cluster in CLUSTERS:
        kinds = Counter(
            str(document.body["kind"])
            for document in own_plan(made, cluster)
            if isinstance(document.body, dict) and document.body["metadata"]["name"] == "till"
        )
        assert kinds["ServiceExport"] == (cluster in providers)
        assert kinds["ServiceImport"] == (cluster in one.importers)
        # Where it is provided it is the user's own.
        assert kinds["Service"] == (cluster in consumers and cluster not in providers)


@given(st.text("abcdefghij-0", min_size=1, max_size=20), st.text("abcdefghij-0", min_size=1, max_size=20))
def test_the_address_of_a_name_stays_and_is_one_that_no_network_has(namespace: str, service: str) -> None:
    address = address_of(namespace, service)
    assert address == address_of(namespace, service)
    assert IPv4Address(address) in ADDRESSES
    assert address not in (str(ADDRESSES[0]), str(ADDRESSES[-1]))


addresses = st.fixed_dictionaries(
    {name: st.sampled_from(["", "203.0.113.7", "203.0.113.8", "2001:db8::7", "lb.example.com"]) for name in CLUSTERS}
)


@settings(max_examples=30)
@given(addresses, st.lists(st.integers(0, 255), min_size=4, max_size=4).filter(any))
def test_every_address_is_in_one_record_and_none_without_an_address_or_weight(
    found: dict[str, str], weights: list[int]
) -> None:
    entries = [
        {"targetClusters": {"clusterNames": [name]}, "weight": weight}
        for name, weight in zip(CLUSTERS, weights, strict=True)
    ]
    for policy in ({}, {"locality": True}, {"weights": entries}):
        made = fleet({}, **policy)
        (name,) = dns_names(made)
        told = records(made, name, found)
        known = {cluster: address for cluster, address in found.items() if address}
        if "weights" in policy:
            known = {cluster: address for cluster, address in known.items() if weights[CLUSTERS.index(cluster)]}
        assert {target for record in told for target in record["targets"]} == set(known.values())
        assert all((record["dnsName"], record["recordTTL"]) == ("shop.example.com", 60) for record in told)
        kinds = {"203.0.113.7": "A", "203.0.113.8": "A", "2001:db8::7": "AAAA", "lb.example.com": "CNAME"}
        assert all(kinds[target] == record["recordType"] for record in told for target in record["targets"])
        if policy:
            assert {record["setIdentifier"] for record in told} == known.keys()
            assert len(told) == len(known)
            assert all(len(record["targets"]) == len(record["providerSpecific"]) == 1 for record in told)
        else:
            assert len({record["recordType"] for record in told}) == len(told)
