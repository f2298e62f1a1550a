"""Fleets of every shape this project can bring up, by what is special about them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from meshfleet.sources import load
from meshfleet.topology import Fleet, read_stack_file

STACKS = Path(__file__).resolve().parent.parent.parent / "stacks"


def existing(name: str, pods: str) -> dict[str, Any]:
    """The provider of a cluster that something else made."""
    return {"existing": {"kubeconfig": f"{name}.yaml", "context": f"{name}-admin", "pods": pods}}


def in_one_mesh(clusters: dict[str, dict[str, Any]], **sections: Any) -> dict[str, Any]:
    """A configuration of one mesh; clusters that name no network are each on one of their own."""
    placed = {name: {"network": f"network-{name}"} | cluster for name, cluster in clusters.items()}
    return {
        "host": next(iter(clusters)),
        "meshes": {"mesh1": {}},
        "networks": {cluster["network"]: {} for cluster in placed.values()},
        "clusters": placed,
        "namespaces": {"sample": {"injection": True}, "tools": {"clusters": [next(iter(clusters))]}},
    } | sections


def propagated(name: str, namespace: str) -> list[dict[str, Any]]:
    """A webhook, pods, what they read and a definition with its object: in the order opposite to that they need."""
    described, labels = {"name": name, "namespace": namespace}, {"app": name}
    group, service = f"{name}.example", {"name": name, "namespace": namespace, "path": "/"}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "app", "image": "registry.example/web:1"}]}}
    webhook = {"name": f"all.{group}", "admissionReviewVersions": ["v1"], "sideEffects": "None"}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}
    return [
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": name},
            "webhooks": [webhook | {"clientConfig": {"service": service}}],
        },
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": described,
            "spec": {"selector": {"matchLabels": labels}, "template": pod},
        },
        {"apiVersion": "v1", "kind": "Service", "metadata": described, "spec": {"selector": labels}},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": described, "data": {"a": "b"}},
        {"apiVersion": f"{group}/v1", "kind": "Thing", "metadata": described},
        {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": f"things.{group}"},
            "spec": {
                "group": group,
                "scope": "Namespaced",
                "names": {"plural": "things", "kind": "Thing"},
                "versions": [version],
            },
        },
    ]


_INNER = {"inner": {"api": "istio", "listeners": [{"port": 80}]}}

_TILL = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "till", "namespace": "sample"},
    "spec": {"selector": {"app": "till"}, "ports": [{"name": "http", "port": 80}]},
}

CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "one-cluster": in_one_mesh({"only": {"embedded": {}}}),
    "one-network": in_one_mesh(
        {
            "west": {"embedded": {"nodes": 3}, "network": "shared", "podCidr": "10.1.0.0/16"},
            "east": {"embedded": {}, "network": "shared", "podCidr": "10.2.0.0/16"},
        }
    ),
    "two-roots": in_one_mesh(
        {"west": existing("west", "simulated"), "east": existing("east", "real")},
        meshes={"mesh1": {"trust": {"roots": ["first", "second"], "signing": "first"}}},
    ),
    "real-pods": in_one_mesh({"west": existing("west", "real"), "east": existing("east", "real")}),
    "simulated-pods": in_one_mesh({"west": existing("west", "simulated"), "east": existing("east", "simulated")}),
    "mixed-with-a-revision": in_one_mesh(
        {"west": existing("west", "simulated"), "east": existing("east", "real")},
        istio={"version": "1.31", "revision": "canary", "charts": {"repository": "oci://charts.example/istio"}},
    ),
    "two-revisions": in_one_mesh(
        {
            "west": existing("west", "simulated"),
            "branch": existing("branch", "simulated") | {"controlPlane": {"remote": "west"}},
            "east": existing("east", "real"),
        },
        istio={
            "version": "1.31",
            "revisions": {"blue": {}, "green": {"version": "1.31.2"}},
            "revision": "blue",
            "gatewayRevision": "green",
            "tags": ["stable", "prod"],
        },
    ),
    "names": in_one_mesh(
        {
            "west": {"embedded": {}, "ingressGateways": _INNER},
            "branch": existing("branch", "simulated") | {"controlPlane": {"remote": "west"}},
            "east": {"embedded": {}, "ingressGateways": _INNER},
        },
        meshes={"mesh1": {"settings": {"dnsCapture": True}}},
        workloads={"cart": {"namespace": "sample", "clusters": ["east"]}, "web": {"namespace": "sample"}},
        propagations={
            "own": {"resources": [{"object": _TILL}], "placement": {"clusterAffinity": {"clusterNames": ["branch"]}}}
        },
        multiClusterServices={
            "cart": {"namespace": "sample"},
            "till": {"namespace": "sample"},
            "outside": {
                "namespace": "sample",
                "ports": [{"name": "http", "port": 80}],
                "providerClusters": {"clusterNames": ["west"]},
            },
        },
        dnsEndpoints={
            "inner": {
                "dnsName": "inner.example.com",
                "ingressGateway": "inner",
                "weights": [{"weight": 1}],
                "definition": True,
            }
        },
    ),
    "settings": in_one_mesh(
        {
            "west": {
                "embedded": {},
                "region": "west",
                "discovery": {
                    "server": "https://localhost:6443",
                    "tlsServerName": "kubernetes.default.svc",
                    "token": 2,
                },
            },
            "east": {**existing("east", "simulated"), "region": "east"},
        },
        meshes={
            "mesh1": {
                "settings": {
                    "mtls": "strict",
                    "outboundTrafficPolicy": "registry-only",
                    "locality": {"failover": [{"from": "west", "to": "east"}]},
                    "accessLog": {"encoding": "json"},
                    "tracing": {
                        "samplingPercentage": 12.5,
                        "zipkin": {"service": "zipkin.tools.svc.cluster.local", "port": 9411},
                    },
                }
            }
        },
    ),
    "gateways": in_one_mesh(
        {
            "west": {
                "embedded": {},
                "network": "shared",
                "eastWestGateway": {"loadBalancerIp": "203.0.113.10", "replicas": 2},
                "ingressGateways": {
                    "shop": {
                        "api": "istio",
                        "namespace": "sample",
                        "loadBalancerIp": "203.0.113.11",
                        "listeners": [{"port": 80}],
                    },
                    "api": {"api": "gateway", "hostname": "api.example", "listeners": [{"port": 8080}]},
                },
            },
            "east": {"embedded": {}, "network": "shared"},
            "north": existing("north", "simulated")
            | {"network": "far", "eastWestGateway": {"hostname": "gateway.north.example"}},
        },
        networks={"shared": {"gateways": [{"address": "203.0.113.80"}]}, "far": {}},
    ),
    # Each by who gives it an address; the remote one reaches its istiod at node ports.
    "gateways-at-nodes": in_one_mesh(
        {
            "west": {"embedded": {}, "network": "shared", "eastWestGateway": {"type": "NodePort"}}
            | {"ingressGateways": {"shop": {"api": "istio", "type": "NodePort", "listeners": [{"port": 80}]}}},
            "east": {"embedded": {}, "network": "far", "controlPlane": {"remote": "west"}},
            "north": existing("north", "simulated")
            | {"network": "north", "eastWestGateway": {"advertised": [{"address": "203.0.113.80", "port": 8443}]}},
        },
        networks={"shared": {}, "far": {}, "north": {}},
    ),
    "gateways-at-real-nodes": in_one_mesh(
        {
            "west": existing("west", "real") | {"network": "shared", "eastWestGateway": {"type": "NodePort"}},
            "east": existing("east", "real")
            | {"network": "far", "eastWestGateway": {"type": "NodePort", "advertised": [{"address": "203.0.113.80"}]}},
        },
        networks={"shared": {}, "far": {}},
    ),
    # Of a remote cluster that comes before its primary, each with a gateway of the same name.
    "gateways-of-a-remote": in_one_mesh(
        {
            cluster: {"embedded": {"pods": "processes"}, "controlPlane": plane}
            | {"ingressGateways": {"shop": {"api": "istio", "namespace": "sample", "listeners": [{"port": 80}]}}}
            for cluster, plane in (("branch", {"remote": "west"}), ("west", "own"))
        }
    ),
    "gateways-with-real-pods": in_one_mesh(
        {
            "west": existing("west", "real")
            | {
                "ingressGateways": {
                    "shop": {"api": "istio", "listeners": [{"port": 80}]},
                    "api": {"api": "gateway", "namespace": "sample", "listeners": [{"port": 8080}]},
                },
            },
            "east": existing("east", "real"),
        }
    ),
    # A branch that west serves, pods of one version in it, and who may call whom.
    "workloads": in_one_mesh(
        {
            "west": {"embedded": {"pods": "processes"}},
            "branch": {"embedded": {}, "controlPlane": {"remote": "west"}},
            "east": existing("east", "simulated"),
        },
        istio={"revision": "blue", "tags": ["prod"]},
        workloads={
            "cart": {
                "namespace": "sample",
                "clusters": ["west", "branch"],
                "allowedCallers": ["sample/web"],
                "versions": {
                    "v1": {"weight": 90, "replicas": 2},
                    "v2": {"weight": 10, "clusters": ["branch"], "headers": {"x-canary": "always"}},
                },
            },
            "web": {"namespace": "sample"},
        },
    ),
    "workloads-with-real-pods": in_one_mesh(
        {"west": existing("west", "real"), "east": existing("east", "real")},
        workloads={"tool": {"namespace": "tools", "image": "registry.example/tool:1"}, "web": {"namespace": "sample"}},
    ),
    # Objects of the user's own, to a remote and to real pods; some stay when they are no longer declared.
    "propagations": in_one_mesh(
        {
            "west": existing("west", "simulated"),
            "branch": existing("branch", "simulated") | {"controlPlane": {"remote": "west"}},
            "east": existing("east", "real"),
        },
        istio={"revision": "blue", "tags": ["prod"]},
        propagations={
            "web": {
                "resources": [{"object": body} for body in propagated("web", "sample")],
                "overrides": [{"targetClusters": {"clusterNames": ["branch"]}, "replicas": 3}],
            },
            "kept": {
                "resources": [{"object": body} for body in propagated("kept", "default")],
                "placement": {"clusterAffinity": {"clusterNames": ["west", "east"]}},
                "preserveResourcesOnDeletion": True,
            },
        },
    ),
    "remote-with-real-pods": in_one_mesh(
        {
            "west": existing("west", "real"),
            "branch": existing("branch", "real") | {"controlPlane": {"remote": "west"}},
        }
    ),
    "remote-with-real-pods-on-one-network": in_one_mesh(
        {
            "west": existing("west", "real") | {"network": "shared"},
            "branch": existing("branch", "real") | {"network": "shared", "controlPlane": {"remote": "west"}},
        }
    ),
    "remote-with-a-revision": in_one_mesh(
        {
            "west": {"embedded": {}},
            "branch": existing("branch", "simulated") | {"controlPlane": {"remote": "west"}},
        },
        istio={"version": "1.31", "revision": "canary"},
    ),
    # A further cluster that runs its own istiod, serves another and hosts two control planes of two other meshes.
    "external-hosted-twice": {
        "host": "operations",
        "meshes": {"operations": {}, "shop": {"trustDomain": "shop.example"}, "bank": {}},
        "networks": {f"network-{name}": {} for name in ("operations", "annex", "shop", "branch", "bank")},
        "clusters": {
            "operations": {"embedded": {}, "mesh": "operations", "network": "network-operations"},
            "annex": {
                "embedded": {},
                "mesh": "operations",
                "network": "network-annex",
                "controlPlane": {"remote": "operations"},
            },
            "shop": {
                "embedded": {},
                "mesh": "shop",
                "network": "network-shop",
                "controlPlane": {"external": "operations"},
            },
            "branch": {
                "embedded": {},
                "mesh": "shop",
                "network": "network-branch",
                "controlPlane": {"remote": "shop"},
            },
            "bank": existing("bank", "simulated")
            | {"mesh": "bank", "network": "network-bank", "controlPlane": {"external": "operations"}},
        },
        "namespaces": {"sample": {"injection": True}},
    },
    # Of a primary, of its remote, of another primary whose pods are real; called by Services and by a name.
    "virtual-machines-of-several-clusters": in_one_mesh(
        {
            "west": existing("west", "simulated"),
            "branch": existing("branch", "simulated") | {"controlPlane": {"remote": "west"}},
            "east": existing("east", "real"),
        },
        virtualMachines={
            "billing": {"namespace": "sample", "cluster": "west", "ports": {"http": {"port": 8080}}},
            "ledger": {
                "namespace": "sample",
                "cluster": "branch",
                "serviceAccount": "billing",
                "ports": {"db": {"port": 5432, "protocol": "TCP"}},
                "addresses": ["10.0.0.7", "10.0.0.8"],
                "service": "service-entry",
                "host": "ledger.machines.local",
            },
            "printer": {"namespace": "sample", "cluster": "east", "serviceAccount": "default"},
        },
        istio={"version": "1.31", "revision": "canary"},
    ),
    "containers": in_one_mesh(
        {
            "west": {"kind": {"nodes": 2}, "region": "west", "zone": "west-a"}
            | {"ingressGateways": {"shop": {"api": "istio", "listeners": [{"port": 80}]}}}
            | {"podCidr": "10.1.0.0/16", "serviceCidr": "10.2.0.0/16"},
            "branch": {"kind": {}, "controlPlane": {"remote": "west"}},
            "east": {"kind": {}}
            | {"ingressGateways": {"outer": {"api": "gateway", "listeners": [{"port": 80}]}, **_INNER}},
        },
        workloads={"echo": {"namespace": "sample"}},
    ),
    "containers-of-published-images": in_one_mesh(
        {
            "west": {"kind": {"images": "published"}},
            "east": {"kind": {"images": "published", "gatewayAddresses": "cluster", "image": "kindest/node:v1.35.4"}},
        }
    ),
    "virtual-machines-of-one-cluster": in_one_mesh(
        {"only": {"embedded": {}}},
        virtualMachines={"billing": {"namespace": "sample", "cluster": "only", "ports": {"http": {"port": 8080}}}},
    ),
    "external-with-real-pods-and-a-revision": {
        "host": "operations",
        "meshes": {"operations": {}, "shop": {}},
        "networks": {"network-operations": {}, "shared": {}},
        "clusters": {
            "operations": existing("operations", "real") | {"mesh": "operations", "network": "network-operations"},
            "shop": existing("shop", "real")
            | {"mesh": "shop", "network": "shared", "controlPlane": {"external": "operations"}},
            "branch": existing("branch", "real")
            | {"mesh": "shop", "network": "shared", "controlPlane": {"remote": "shop"}},
        },
        "namespaces": {"sample": {"injection": True, "clusters": ["shop", "branch"]}},
        "istio": {"version": "1.31", "revision": "canary"},
    },
}
EXAMPLES = (
    "two-meshes",
    "ambient",
    "single-cluster",
    "multi-primary-one-network",
    "multi-primary",
    "primary-remote-one-network",
    "primary-remote",
    "external-control-plane",
    "mixed",
    "hub-and-spoke",
    "virtual-machines",
    "machine-network",
    "federation",
    "identities",
)
STACK_FILES = {"dev": "dev"} | {name: f"examples/{name}" for name in EXAMPLES}
NAMES = (*STACK_FILES, *CONFIGURATIONS)


@cache
def fleet_called(name: str) -> Fleet:
    """A fleet by its name in `NAMES`."""
    if name in STACK_FILES:
        file = read_stack_file(STACKS, STACK_FILES[name])
        return load(file.stack, file.config)
    return load(name, CONFIGURATIONS[name])


def fleet_of(size: int) -> Fleet:
    """An embedded fleet of `size` clusters, each on a network of its own."""
    return load("sized", in_one_mesh({f"c{number}": {"embedded": {}} for number in range(size)}))
