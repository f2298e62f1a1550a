"""What is wrong with names across clusters is named before anything is created, and the advice is followed."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import pytest

from meshfleet.manifests.addition_faults import checked
from meshfleet.topology import TopologyError, load
from meshfleet.topology.multi_cluster_service import address_of

pytestmark = pytest.mark.proof("one name leads to a Service in several clusters", step=0)

Config = dict[str, Any]
PUBLIC: Config = {"public": {"api": "istio", "listeners": [{"port": 80, "hosts": ["*.example.com"]}]}}
GOOD: Config = {
    "host": "west",
    "meshes": {"mesh1": {"settings": {"dnsCapture": True}}},
    "networks": {"n-west": {}, "n-east": {}},
    "clusters": {
        "west": {"embedded": {}, "network": "n-west", "region": "us", "ingressGateways": PUBLIC},
        "east": {"embedded": {}, "network": "n-east", "region": "eu", "ingressGateways": PUBLIC},
    },
    "namespaces": {"shop": {}, "east-only": {"clusters": ["east"]}},
    "workloads": {"cart": {"namespace": "shop", "clusters": ["east"]}},
    "multiClusterServices": {"cart": {"namespace": "shop"}},
    "dnsEndpoints": {"shop": {"dnsName": "shop.example.com", "ingressGateway": "public"}},
}
PORTS = [{"name": "http", "port": 80}]
WEST, EAST = {"clusterNames": ["west"]}, {"clusterNames": ["east"]}
CART, SHOP = "multiClusterServices.cart", "dnsEndpoints.shop"


def service(port: int = 80, **spec: Any) -> Config:
    """A propagation of the Service `till` to east."""
    body = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "till", "namespace": "shop"},
        "spec": {"selector": {"app": "cart"}, "ports": [{"name": "http", "port": port}]} | spec,
    }
    return {"resources": [{"object": body}], "placement": {"clusterAffinity": EAST}}


@dataclass(frozen=True)
class Case:
    """Changes by path, dots between names; the fault, and the changes after which there is none."""

    title: str
    wrong: Config
    path: str
    message: str
    right: Config


def with_changes(changes: Config) -> Config:
    config = copy.deepcopy(GOOD)
    for path, value in changes.items():
        *parents, last = path.split(".")
        place = config
        for name in parents:
            place = place.setdefault(name, {})
        place[last] = copy.deepcopy(value)
    return config


CASES = [
    Case(
        "a namespace that is not declared",
        {f"{CART}.namespace": "shops"},
        f"{CART}.namespace",
        "no namespace is named 'shops'; known are east-only, shop",
        {f"{CART}.namespace": "shop"},
    ),
    Case(
        "a name that is no DNS label",
        {f"{CART}.service": "1cart", f"{CART}.providerClusters": EAST, f"{CART}.ports": PORTS},
        f"{CART}.service",
        "'1cart' is not a DNS label",
        {f"{CART}.service": "cart1", f"{CART}.providerClusters": EAST, f"{CART}.ports": PORTS},
    ),
    Case(
        "a port that is no DNS label",
        {f"{CART}.ports": [{"name": "9", "port": 80}]},
        f"{CART}.ports[0].name",
        "'9' is not a DNS label",
        {},
    ),
    Case(
        "a cluster that is not there",
        {f"{CART}.providerClusters": {"clusterNames": ["eats"]}},
        f"{CART}.providerClusters.clusterNames[0]",
        "there is no cluster 'eats'; known are west, east",
        {f"{CART}.providerClusters": EAST},
    ),
    Case(
        "a selector that selects nothing",
        {f"{CART}.providerClusters": {"clusterNames": ["east"], "regions": ["us"]}},
        f"{CART}.providerClusters",
        "selects no cluster",
        {f"{CART}.providerClusters": {"clusterNames": ["east"], "regions": ["eu"]}},
    ),
    Case(
        "two declarations of one Service",
        {"multiClusterServices.twice": {"namespace": "shop", "service": "cart"}},
        "multiClusterServices.twice",
        f"the Service cart of the namespace shop is also {CART}; declare it once",
        {},
    ),
    Case(
        "a Service that no cluster exports",
        {"multiClusterServices.till": {"namespace": "shop", "ports": PORTS}},
        "multiClusterServices.till.providerClusters",
        "none exports it; select the clusters that do",
        {"multiClusterServices.till": {"namespace": "shop", "ports": PORTS, "providerClusters": EAST}},
    ),
    Case(
        "ports that nothing says",
        {"multiClusterServices.till": {"namespace": "shop", "providerClusters": EAST}},
        "multiClusterServices.till.ports",
        "give its ports",
        {"multiClusterServices.till": {"namespace": "shop", "ports": PORTS, "providerClusters": EAST}},
    ),
    Case(
        "a provider in which the workload does not run",
        {f"{CART}.providerClusters": {"clusterNames": ["west", "east"]}},
        f"{CART}.providerClusters",
        "workloads.cart does not run in west, so that nothing responds there; leave them out",
        {f"{CART}.providerClusters": EAST},
    ),
    Case(
        "a provider that the propagated Service does not reach",
        {
            "propagations.till": service(),
            "multiClusterServices.till": {"namespace": "shop", "providerClusters": {"regions": ["us", "eu"]}},
        },
        "multiClusterServices.till.providerClusters",
        "the propagated Service does not run in west",
        {"propagations.till": service(), "multiClusterServices.till": {"namespace": "shop"}},
    ),
    Case(
        "ports that differ from those of the workload",
        {f"{CART}.ports": PORTS},
        f"{CART}.ports",
        "differ from those of workloads.cart, which are http 80, grpc 7070; give the same",
        {},
    ),
    Case(
        "ports that differ from those of the propagated Service",
        {
            "propagations.till": service(port=8080),
            "multiClusterServices.till": {"namespace": "shop", "ports": PORTS},
        },
        "multiClusterServices.till.ports",
        "differ from those of propagations.till.resources[0].object in east, which are http 8080; give the same",
        {
            "propagations.till": service(port=8080),
            "multiClusterServices.till": {"namespace": "shop", "ports": [{"name": "http", "port": 8080}]},
        },
    ),
    Case(
        "two ports of one number",
        {f"{CART}.ports": [*PORTS, {"name": "more", "port": 80}]},
        CART,
        "two ports have the number 80; give each its own",
        {},
    ),
    Case(
        "a Service with an address that is called headless",
        {
            "propagations.till": service(),
            "multiClusterServices.till": {"namespace": "shop", "type": "Headless", "consumerClusters": EAST},
        },
        "multiClusterServices.till.type",
        "says otherwise by its clusterIP; use ClusterSetIP",
        {"propagations.till": service(), "multiClusterServices.till": {"namespace": "shop"}},
    ),
    Case(
        "a headless Service for a network without a provider",
        {
            "propagations.till": service(clusterIP="None"),
            "multiClusterServices.till": {"namespace": "shop", "type": "Headless"},
        },
        "multiClusterServices.till.type",
        "no provider is on the network of west",
        {
            "propagations.till": service(clusterIP="None"),
            "multiClusterServices.till": {"namespace": "shop", "type": "Headless", "consumerClusters": EAST},
        },
    ),
    Case(
        "a headless workload",
        {f"{CART}.type": "Headless", f"{CART}.consumerClusters": EAST},
        f"{CART}.type",
        "the Service of workloads.cart has an address; use ClusterSetIP",
        {f"{CART}.type": "ClusterSetIP"},
    ),
    Case(
        "an address of a headless Service",
        {f"{CART}.type": "Headless", f"{CART}.ip": "240.241.0.7"},
        CART,
        "leave ip out, or use ClusterSetIP",
        {f"{CART}.ip": "240.241.0.7"},
    ),
    Case(
        "an address that some network may have",
        {f"{CART}.ip": "10.0.0.1"},
        f"{CART}.ip",
        "'10.0.0.1' is not an IPv4 address of 240.241.0.0/16",
        {f"{CART}.ip": "240.241.0.1"},
    ),
    Case(
        "an address that another one has",
        {
            "multiClusterServices.till": {
                "namespace": "shop",
                "ports": PORTS,
                "providerClusters": EAST,
                "ip": address_of("shop", "cart"),
            }
        },
        "multiClusterServices.till.ip",
        f"is also the address of {CART}; give it another ip",
        {
            "multiClusterServices.till": {
                "namespace": "shop",
                "ports": PORTS,
                "providerClusters": EAST,
                "ip": "240.241.0.1",
            }
        },
    ),
    Case(
        "a namespace that a cluster does not have",
        {
            "multiClusterServices.till": {
                "namespace": "east-only",
                "ports": PORTS,
                "providerClusters": EAST,
                "consumerClusters": {},
            }
        },
        "multiClusterServices.till.namespace",
        "the namespace east-only does not exist in west; add it to its clusters, or select others",
        {"multiClusterServices.till": {"namespace": "east-only", "ports": PORTS, "providerClusters": EAST}},
    ),
    Case(
        "a mesh in which nothing answers queries",
        {"meshes.mesh1.settings.dnsCapture": False},
        CART,
        "set meshes.mesh1.settings.dnsCapture to true",
        {"meshes.mesh1.settings.dnsCapture": True},
    ),
    Case(
        "ambient mode",
        {
            "meshes.mesh1.settings": {},
            "clusters.west.dataPlane": "ambient",
            "clusters.east.dataPlane": "ambient",
        },
        CART,
        "ztunnels of ambient mode, as in the mesh mesh1, know no names of clusterset.local",
        {},
    ),
    Case(
        "a control plane that does not read a provider",
        {"clusters.east.discovery": {"readBy": []}},
        f"{CART}.consumerClusters",
        "the control plane of west does not read east",
        {"clusters.east.discovery": {"readBy": ["west"]}},
    ),
    Case(
        "clusters of two meshes",
        {
            "meshes.mesh2": {"settings": {"dnsCapture": True}},
            "clusters.west.mesh": "mesh1",
            "clusters.east.mesh": "mesh2",
            f"{CART}.consumerClusters": {},
        },
        CART,
        "its clusters are of the meshes mesh2, mesh1, which share nothing; select one's",
        {
            "meshes.mesh2": {"settings": {"dnsCapture": True}},
            "clusters.west.mesh": "mesh1",
            "clusters.east.mesh": "mesh2",
        },
    ),
    Case(
        "the name of an ingress gateway",
        {
            "clusters.west.ingressGateways.public.namespace": "shop",
            "multiClusterServices.public": {"namespace": "shop", "ports": PORTS, "providerClusters": EAST},
        },
        "multiClusterServices.public",
        "is what the Service of clusters.west.ingressGateways.public is called; use another name",
        {
            "clusters.west.ingressGateways.public.namespace": "shop",
            "multiClusterServices.other": {"namespace": "shop", "ports": PORTS, "providerClusters": EAST},
        },
    ),
    Case(
        "the name of virtual machines",
        {
            "virtualMachines.till": {"namespace": "shop", "cluster": "west", "ports": {"http": {"port": 8080}}},
            "multiClusterServices.till": {"namespace": "shop", "ports": PORTS, "providerClusters": EAST},
        },
        "multiClusterServices.till",
        "is what the Service of virtualMachines.till is called; leave it out",
        {"virtualMachines.till": {"namespace": "shop", "cluster": "west", "ports": {"http": {"port": 8080}}}},
    ),
    Case(
        "a DNS name that is none",
        {f"{SHOP}.dnsName": "shop"},
        f"{SHOP}.dnsName",
        "'shop' is not a DNS name",
        {f"{SHOP}.dnsName": "shop.example.com"},
    ),
    Case(
        "a gateway that no cluster has",
        {f"{SHOP}.ingressGateway": "edge"},
        f"{SHOP}.ingressGateway",
        "no cluster has an ingress gateway 'edge'; known are public",
        {f"{SHOP}.ingressGateway": "public"},
    ),
    Case(
        "a target without the gateway",
        {"clusters.east.ingressGateways": {}, f"{SHOP}.targetClusters": {}},
        f"{SHOP}.targetClusters",
        "east has no ingress gateway public; leave it out, or declare the gateway",
        {"clusters.east.ingressGateways": {}, f"{SHOP}.targetClusters": WEST},
    ),
    Case(
        "a DNS name twice",
        {"dnsEndpoints.twice": {"dnsName": "shop.example.com", "ingressGateway": "public"}},
        "dnsEndpoints.twice.dnsName",
        f"'shop.example.com' is also that of {SHOP}; declare it once",
        {},
    ),
    Case(
        "a DNS name that no listener has",
        {f"{SHOP}.dnsName": "shop.example.org"},
        f"{SHOP}.dnsName",
        "no listener of the ingress gateway public in west, east has the host; add it to the hosts of one",
        {f"{SHOP}.dnsName": "shop.example.com"},
    ),
    Case(
        "two routing policies",
        {f"{SHOP}.weights": [{"weight": 1}], f"{SHOP}.locality": True},
        SHOP,
        "a name has one routing policy, give one of them",
        {f"{SHOP}.locality": True},
    ),
    Case(
        "weights that sum to zero",
        {f"{SHOP}.weights": [{"weight": 0}]},
        SHOP,
        "weights sum to zero; give a cluster a weight above zero",
        {f"{SHOP}.weights": [{"weight": 1}]},
    ),
    Case(
        "weights of other clusters alone",
        {f"{SHOP}.weights": [{"weight": 1, "targetClusters": EAST}], f"{SHOP}.targetClusters": WEST},
        f"{SHOP}.weights",
        "no target has a weight above zero; give one a weight",
        {f"{SHOP}.weights": [{"weight": 1, "targetClusters": WEST}], f"{SHOP}.targetClusters": WEST},
    ),
    Case(
        "the nearest region of a cluster without one",
        {"clusters.east.region": "", f"{SHOP}.locality": True},
        f"{SHOP}.locality",
        "east has no region; give it one, or leave locality out",
        {"clusters.east.region": ""},
    ),
    Case(
        "a property that is set by a field",
        {f"{SHOP}.providerSpecific": {"aws/weight": "1"}},
        f"{SHOP}.providerSpecific.aws/weight",
        "is set by weights; leave it out",
        {f"{SHOP}.providerSpecific": {"aws/evaluate-target-health": "true"}},
    ),
    Case(
        "a namespace of the object that the publishing cluster does not have",
        {f"{SHOP}.namespace": "east-only"},
        f"{SHOP}.namespace",
        "the namespace east-only does not exist in west",
        {f"{SHOP}.namespace": "east-only", f"{SHOP}.publishingClusters": EAST},
    ),
    Case(
        "several gateways with a hostname in one record",
        {"clusters.east.ingressGateways.public.hostname": "public.east.example"},
        SHOP,
        "a name leads to one other name at most; give weights or locality",
        {"clusters.east.ingressGateways.public.hostname": "public.east.example", f"{SHOP}.weights": [{"weight": 1}]},
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_what_is_wrong_is_named_and_the_advice_leads_to_a_good_stack(case: Case) -> None:
    with pytest.raises(TopologyError) as caught:
        checked(load("x", with_changes(case.wrong)))
    faults = caught.value.faults
    assert [fault.path for fault in faults] == [case.path], faults
    assert case.message in faults[0].message
    assert len(faults[0].message) < 500
    right = with_changes(case.right)
    if case.title == "ambient mode":
        del right["multiClusterServices"]
    checked(load("x", right))
