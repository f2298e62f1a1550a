"""What an embedded cluster is asked to be, and the files that say so to kwokctl. Nothing is touched here.

Configuration format: https://kwok.sigs.k8s.io/docs/generated/apis/ (KwokctlConfiguration).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final

from meshfleet.errors import NewerFileError
from meshfleet.files.json_text import parse_json

VERSION: Final = 1
"""That of the record of a spec."""

COMPONENTS: Final = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok-controller")
"""The processes of a cluster, in the order in which they need each other."""

PORTS: Final = ("kube-apiserver", "kwok-controller")
"""The names of the ports a cluster needs. Nothing else of it listens on a port."""

_CLIENT_SOCKET: Final = "unix://etcd.sock"
_PEER_SOCKET: Final = "unix://etcd-peer.sock"
CLOSED: Final[Mapping[str, Mapping[str, str]]] = {
    # Without certificates etcd serves every user of the machine. Its sockets lie in its working directory, which only
    # its owner can enter, and are relative to it, since the path of a socket has 108 characters at most.
    "etcd": {
        "listen-client-urls": _CLIENT_SOCKET,
        "advertise-client-urls": _CLIENT_SOCKET,
        "listen-peer-urls": _PEER_SOCKET,
        "initial-advertise-peer-urls": _PEER_SOCKET,
        "initial-cluster": f"node0={_PEER_SOCKET}",
    },
    "kube-apiserver": {"etcd-servers": _CLIENT_SOCKET},
    # 0 is none: only metrics and profiles would be served there.
    "kube-controller-manager": {"secure-port": "0"},
    "kube-scheduler": {"secure-port": "0"},
}
"""Component → flag → value: what keeps other users of the machine out, in place of kwokctl's own values."""

RELATIVE: Final[Mapping[str, Mapping[str, str]]] = {"etcd": {"data-dir": "etcd"}}
"""The same for what a component opens again while it runs, below its working directory, which may be moved.

etcd lists its folder twice a minute to purge old files, and ends when it cannot: purgeFile of
server/etcdserver/server.go in etcd-io/etcd. The other components do without what they open again.
"""

OPTION_OF_PORT: Final = {
    "etcd": "etcdPort",
    "etcd-peer": "etcdPeerPort",
    "kube-apiserver": "kubeApiserverPort",
    "kube-controller-manager": "kubeControllerManagerPort",
    "kube-scheduler": "kubeSchedulerPort",
    "kwok-controller": "kwokControllerPort",
}
"""Name of a port → what kwokctl calls it in its configuration; earlier versions had more ports than PORTS."""

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
    """The spec as it is kept in the cluster's directory, once that is complete."""
    return json.dumps({"version": VERSION, **asdict(spec)}, indent=2, sort_keys=True) + "\n"


def load_spec(text: str) -> ClusterSpec:
    """The inverse of `dump_spec`; earlier versions wrote no version.

    Raises ValueError, TypeError, KeyError or AttributeError when the text is damaged, NewerFileError when it has a
    field that this version does not know.
    """
    content = parse_json(text)
    version = content.pop("version", 0)
    unknown = sorted(set(content) - {field.name for field in fields(ClusterSpec)})
    if version > VERSION or unknown:
        raise NewerFileError(f"field {unknown[0]}" if unknown else f"version {version}, this one knows {VERSION}")
    spec = ClusterSpec(**content)
    texts = (spec.name, spec.kubernetes_version)
    optional = (spec.pod_cidr, spec.service_cidr, spec.region, spec.zone)
    if not all(isinstance(text, str) for text in texts) or not isinstance(spec.nodes, int):
        raise ValueError("a field has another type")
    if not all(value is None or isinstance(value, str) for value in optional):
        raise ValueError("a field has another type")
    return spec


def kwokctl_configuration(spec: ClusterSpec, ports: Mapping[str, int], tools: Mapping[str, Path]) -> str:
    """The configuration for `kwokctl create cluster`, as JSON (which is YAML).

    `ports` has an entry for each of PORTS, `tools` the path of each of COMPONENTS.
    """
    options: dict[str, Any] = {
        "runtime": "binary",
        "kubeVersion": spec.kubernetes_version,
        # The default is all addresses of the machine.
        "bindAddress": "127.0.0.1",
        **{OPTION_OF_PORT[name]: ports[name] for name in PORTS},
        "etcdBinary": str(tools["etcd"]),
        "kubeApiserverBinary": str(tools["kube-apiserver"]),
        "kubeControllerManagerBinary": str(tools["kube-controller-manager"]),
        "kubeSchedulerBinary": str(tools["kube-scheduler"]),
        "kwokControllerBinary": str(tools["kwok-controller"]),
        "disableQPSLimits": True,
        # Lets `istioctl` and `kubectl port-forward` reach processes that stand for a pod
        # (meshfleet.kube.port_forward).
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


def closed_arguments(component: str, arguments: Sequence[str]) -> list[str]:
    """The arguments of a component with those of CLOSED and RELATIVE, for clusters that were made without them."""
    wanted = _replaced(component)
    kept = [word for word in arguments if word.partition("=")[0].removeprefix("--") not in wanted]
    return [*kept, *(f"--{flag}={value}" for flag, value in wanted.items())]


def _replaced(component: str) -> dict[str, str]:
    """The flags of a component that have another value than kwokctl's."""
    return {**CLOSED.get(component, {}), **RELATIVE.get(component, {})}


def is_closed(component: str, arguments: Sequence[str]) -> bool:
    """Whether a component that runs with these arguments keeps other users of the machine out."""
    wanted = CLOSED.get(component, {})
    # The last of a flag that is repeated counts.
    found = {flag.removeprefix("--"): value for flag, _, value in (word.partition("=") for word in arguments)}
    return all(found.get(flag) == value for flag, value in wanted.items())


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
    patches = []
    for name in COMPONENTS:
        extra: list[dict[str, Any]] = [{"key": key, "value": value} for key, value in arguments.get(name, {}).items()]
        extra += [{"key": key, "value": value, "override": True} for key, value in _replaced(name).items()]
        if extra:
            patches.append({"name": name, "extraArgs": extra})
    return patches
