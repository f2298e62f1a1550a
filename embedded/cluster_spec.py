"""What an embedded cluster is asked to be, and the files that say so to kwokctl. Nothing is touched here.

Configuration format: https://kwok.sigs.k8s.io/docs/generated/apis/ (KwokctlConfiguration).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

COMPONENTS: Final = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok-controller")
"""The processes of a cluster, in the order in which they need each other."""

PORTS: Final = (
    "etcd",
    "etcd-peer",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kwok-controller",
)
"""The names of the ports a cluster needs."""

TOOLS: Final = {name: "kwok" if name == "kwok-controller" else name for name in COMPONENTS}
"""Component → the program of the toolchain that it is."""


@dataclass(frozen=True)
class ClusterSpec:
    """One embedded cluster. `kubernetes_version` is `v1.35.4`-like; ranges are CIDRs or None for the
    defaults.
    """

    name: str
    kubernetes_version: str
    nodes: int = 1
    pod_cidr: str | None = None
    service_cidr: str | None = None
    region: str | None = None
    zone: str | None = None

    @property
    def fixed(self) -> tuple[str | None, ...]:
        """What cannot change while the cluster lives."""
        return (self.kubernetes_version, self.pod_cidr, self.service_cidr)


def dump_spec(spec: ClusterSpec) -> str:
    """The spec as it is kept beside the cluster, once that is complete."""
    return json.dumps(asdict(spec), indent=2, sort_keys=True) + "\n"


def load_spec(text: str) -> ClusterSpec:
    """The inverse of `dump_spec`. Raises ValueError or TypeError when the text is damaged."""
    return ClusterSpec(**json.loads(text))


def read_spec(directory: Path) -> ClusterSpec | None:
    """What the cluster in a folder was made as; None when there is none, or only the remains of one."""
    try:
        return load_spec((directory / "cluster.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):
        # Absent or unreadable: both mean that there is no complete cluster here.
        return None


def kwokctl_configuration(spec: ClusterSpec, ports: Mapping[str, int], tools: Mapping[str, Path]) -> str:
    """The configuration for `kwokctl create cluster`, as JSON (which is YAML).

    `ports` has an entry for each of PORTS, `tools` the path of each of COMPONENTS.
    """
    options: dict[str, Any] = {
        "runtime": "binary",
        "kubeVersion": spec.kubernetes_version,
        # The default is all addresses of the machine, for an etcd that asks nobody for a password.
        "bindAddress": "127.0.0.1",
        "etcdPort": ports["etcd"],
        "etcdPeerPort": ports["etcd-peer"],
        "kubeApiserverPort": ports["kube-apiserver"],
        "kubeControllerManagerPort": ports["kube-controller-manager"],
        "kubeSchedulerPort": ports["kube-scheduler"],
        "kwokControllerPort": ports["kwok-controller"],
        "etcdBinary": str(tools["etcd"]),
        "kubeApiserverBinary": str(tools["kube-apiserver"]),
        "kubeControllerManagerBinary": str(tools["kube-controller-manager"]),
        "kubeSchedulerBinary": str(tools["kube-scheduler"]),
        "kwokControllerBinary": str(tools["kwok-controller"]),
        "disableQPSLimits": True,
        # Lets `istioctl` and `kubectl port-forward` reach processes that stand for a pod
        # (embedded.port_forward).
        "enableCRDs": ["ClusterPortForward"],
    }
    return json.dumps(
        {
            "kind": "KwokctlConfiguration",
            "apiVersion": "config.kwok.x-k8s.io/v1alpha1",
            "options": options,
            "componentsPatches": _patches(spec),
        },
        indent=2,
    )


def _patches(spec: ClusterSpec) -> list[dict[str, Any]]:
    # One instance each: an election would only cost the two seconds until the first retry.
    arguments: dict[str, dict[str, str]] = {
        "kube-apiserver": {},
        "kube-controller-manager": {"leader-elect": "false"},
        "kube-scheduler": {"leader-elect": "false"},
        # A node whose pods are processes has an agent of its own; kwokctl would have it keep every node.
        "kwok-controller": {
            "manage-all-nodes": "false",
            "manage-nodes-with-annotation-selector": "kwok.x-k8s.io/node=fake",
        },
    }
    if spec.service_cidr:
        arguments["kube-apiserver"]["service-cluster-ip-range"] = spec.service_cidr
        arguments["kube-controller-manager"]["service-cluster-ip-range"] = spec.service_cidr
    if spec.pod_cidr:
        arguments["kube-controller-manager"]["cluster-cidr"] = spec.pod_cidr
    return [
        {"name": name, "extraArgs": [{"key": key, "value": value} for key, value in extra.items()]}
        for name, extra in arguments.items()
        if extra
    ]
