"""What a kind cluster is to be, and the configuration of kind that says so. Pure.

Configuration format: https://kind.sigs.k8s.io/docs/user/configuration/
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

MARKS: Final = "/meshfleet"
"""Below this folder of a node its cluster's mark is mounted: no other means of kind is there with the container."""
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9.-]*")
# A node's host name is that of its container, and a label of DNS: NAME-control-plane, NAME-worker99.
_LONGEST: Final = 63 - len("-control-plane")


@dataclass(frozen=True)
class KindSpec:
    """One kind cluster. `kubernetes_version` is as in v1.35.4; `addresses` are those that its gateways need.

    `image` is a published node image, or empty for the one that is built here; `later_images` are built ones that a
    node may have been made before.
    """

    name: str
    network: str
    kubernetes_version: str
    nodes: int
    built: bool
    image: str
    pod_cidr: str
    service_cidr: str
    region: str
    zone: str
    addresses: int
    later_images: tuple[str, ...] = ()


def name_of(fleet: str, cluster: str) -> str:
    """What a cluster of a fleet is called by kind, which has one list of names for each Docker engine."""
    name = f"mf-{fleet}-{cluster}"
    if _NAME.fullmatch(name) and len(name) <= _LONGEST:
        return name
    digest = hashlib.sha256(f"{fleet}\n{cluster}".encode()).hexdigest()[:8]
    return f"mf-{cluster[: _LONGEST - 12]}-{digest}"


def published_image(spec: KindSpec) -> str:
    """The published node image of a cluster: what it names, or kind's own of its Kubernetes version."""
    return spec.image or f"kindest/node:{spec.kubernetes_version}"


def configuration(spec: KindSpec, called: str, image: str, mark: Path, nonce: str, patches: Sequence[str]) -> str:
    """The configuration of kind, as JSON, which is YAML too.

    `called` is kind's name of the cluster; the directory `mark` is mounted at `nonce` in every node. `patches` are
    further ones of kubeadm's configuration.
    """
    mounted = [{"hostPath": str(mark), "containerPath": f"{MARKS}/{nonce}", "readOnly": True}]
    roles = ["control-plane", *["worker"] * (spec.nodes - 1)]
    found: dict[str, Any] = {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "name": called,
        "networking": {
            "ipFamily": "ipv4",
            "apiServerAddress": "127.0.0.1",
            # Nodes get addresses for their pods from us, since the plugin that kind brings is an image of its own.
            "disableDefaultCNI": spec.built,
            "podSubnet": spec.pod_cidr,
            "serviceSubnet": spec.service_cidr,
        },
        "nodes": [{"role": role, "image": image, "extraMounts": mounted} for role in roles],
        "kubeadmConfigPatches": list(patches),
    }
    return json.dumps(found, indent=1)


def coredns() -> dict[str, object]:
    """What CoreDNS has beyond kubeadm's: its Corefile, and a readiness probe each second.

    The first probe fails. With kubeadm's period of ten seconds no name is resolved until the second one, and clients
    that have started meanwhile back off.
    """
    named = {"name": "coredns", "namespace": "kube-system"}
    container = {"name": "coredns", "readinessProbe": {"periodSeconds": 1}}
    # kubectl wants the selector, which stays as kubeadm has it.
    pods = {
        "selector": {"matchLabels": {"k8s-app": "kube-dns"}},
        "template": {"spec": {"containers": [container]}},
    }
    return {
        "apiVersion": "v1",
        "kind": "List",
        "items": [
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": named, "data": {"Corefile": corefile()}},
            {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": named, "spec": pods},
        ],
    }


def corefile() -> str:
    """The Corefile of a cluster of built images: it forwards nothing, since there is nothing to forward to.

    A name that is not the cluster's does not exist at once, instead of after a time-out; and a Service that was looked
    up before it was there is found a second after it came.
    Source: https://coredns.io/plugins/kubernetes/, https://coredns.io/plugins/template/
    """
    return """\
cluster.local:53 in-addr.arpa:53 ip6.arpa:53 {
    errors
    health {
       lameduck 5s
    }
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       pods insecure
       ttl 30
    }
    cache {
       success 9984 30
       denial 9984 1
    }
    loop
    reload
    loadbalance
}
.:53 {
    errors
    template ANY ANY {
       rcode NXDOMAIN
    }
    reload
}
"""
