"""The fleet of the failover test and of its figures: a share moves from one cluster to another, and comes back.

The propagated Deployment has the image of Istio's echo server, which the nodes of these clusters run, so that its pods
answer real requests through real proxies.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from meshfleet.manifests.workloads import ECHO_IMAGE
from meshfleet.testing import FleetUnderTest, RunningCommand

STACK = "failing-over"
CLUSTERS = ("paris", "dublin", "ohio")
AFTER = 5
"""Seconds without an answer before the share moves, and of answers before it comes back."""
ORDERS, WEB = "shop/orders", "shop/web"
LABELS = {"app": "orders"}


def deployment() -> dict[str, Any]:
    """Istio's echo server, as a Deployment of the user's own."""
    container = {
        "name": "echo",
        "image": ECHO_IMAGE,
        "args": ["--port=8080", "--cluster=unknown", "--version=v1"],
        "readinessProbe": {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1},
        "lifecycle": {"preStop": {"sleep": {"seconds": 5}}},
    }
    pod = {"metadata": {"labels": LABELS}, "spec": {"containers": [container]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "orders", "namespace": "shop"},
        "spec": {"replicas": 2, "selector": {"matchLabels": LABELS}, "template": pod},
    }


def service() -> dict[str, Any]:
    ports = [{"name": "http", "port": 80, "targetPort": 8080}]
    described = {"name": "orders", "namespace": "shop"}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": described,
        "spec": {"selector": LABELS, "ports": ports},
    }


def settings(value: str) -> dict[str, Any]:
    described = {"name": "settings", "namespace": "shop"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": described, "data": {"currency": value}}


def named(cluster: str) -> dict[str, Any]:
    """The override by which pods tell where they run."""
    replaced = {"op": "replace", "path": "/spec/template/spec/containers/0/args/1", "value": f"--cluster={cluster}"}
    return {"targetClusters": {"clusterNames": [cluster]}, "objects": {"kind": "Deployment"}, "json": [replaced]}


def stack() -> dict[str, Any]:
    """Three clusters; `orders` runs in dublin, and in ohio where dublin is lost."""
    regions = dict(zip(CLUSTERS, ("france", "ireland", "us"), strict=True))
    locality = {
        "failover": [{"from": "france", "to": "ireland"}, {"from": "us", "to": "ireland"}],
        "outlierDetection": {"consecutiveGatewayErrors": 1, "intervalSeconds": 1, "baseEjectionSeconds": 3},
    }
    affinities = [{"affinityName": f"in-{name}", "clusterNames": [name]} for name in ("dublin", "ohio")]
    return {
        "host": "paris",
        "meshes": {"shop": {"settings": {"locality": locality}}},
        "networks": {f"network-{name}": {} for name in CLUSTERS},
        "clusters": {
            name: {"embedded": {"pods": "processes"}, "network": f"network-{name}", "region": regions[name]}
            for name in CLUSTERS
        },
        "namespaces": {"shop": {"injection": True}},
        "workloads": {"web": {"namespace": "shop"}},
        "propagations": {
            "everywhere": {"resources": [{"object": service()}, {"object": settings("EUR")}]},
            "orders": {
                "resources": [{"object": deployment()}],
                "placement": {
                    "clusterAffinities": affinities,
                    "replicaScheduling": {"replicaSchedulingType": "Divided"},
                },
                "overrides": [named(cluster) for cluster in ("dublin", "ohio")],
                "failover": {"after": f"{AFTER}s"},
            },
        },
    }


@contextmanager
def watched(fleet: FleetUnderTest) -> Iterator[RunningCommand]:
    """`reconcile --watch` for the length of the block; it ends by SIGTERM as what it is, done."""
    running = fleet.sandbox.start("reconcile", "--stack", STACK, "--watch", "--interval", "1s")
    try:
        running.wait_for(lambda heard: any("all clusters respond" in line for line in heard))
        yield running
    finally:
        running.process.send_signal(signal.SIGTERM)
        code = running.end()
    assert code == 0, running.text
