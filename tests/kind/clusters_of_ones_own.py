"""Clusters of kind that no stack made, as a user has them: each on a network of its own, with Istio's images."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from meshfleet.containers.engine import Engine
from meshfleet.containers.images import Images
from meshfleet.errors import MeshfleetError
from meshfleet.processes.bounded_run import run_bounded
from meshfleet.versions import EMBEDDED_ISTIO

_KUBECTL = ("kubectl", "--kubeconfig=/etc/kubernetes/admin.conf")
POD_RANGE = "10.{number}.0.0/24"
_KUBELET = """\
kind: KubeletConfiguration
failCgroupV1: false
imagePullCredentialsVerificationPolicy: NeverVerify
"""


@dataclass(frozen=True)
class OwnCluster:
    """A cluster: its kubeconfig and context, and the address of its one node."""

    name: str
    kubeconfig: Path
    context: str
    address: str


@contextmanager
def own_cluster(engine: Engine, images: Images, folder: Path, name: str, number: int) -> Iterator[OwnCluster]:
    """A cluster while the block runs; `number` is that of its ranges. Raises MeshfleetError."""
    kind, node = f"mf-v-{name}", f"mf-v-{name}-control-plane"
    kubeconfig = folder / f"{name}.kubeconfig"
    pods = POD_RANGE.format(number=number)
    (folder / f"{name}.json").write_text(json.dumps(_configuration(images, pods, number)))
    create = ("create", "cluster", "--name", kind, "--config", str(folder / f"{name}.json"), "--wait", "0s")
    # What a killed run has left.
    _kind(engine, "delete", "cluster", "--name", kind, "--kubeconfig", str(kubeconfig))
    try:
        done = _kind(engine, *create, "--kubeconfig", str(kubeconfig))
        assert done.code == 0, done.err
        _install_network(engine, node, pods)
        for image in ("pilot", "proxyv2", "app"):
            source = f"{images.istio_hub}/{image}:{images.istio_tag}"
            # By the names that Istio's charts and the workloads of a stack have them.
            for target in (f"{images.istio_hub}/{image}:latest", f"docker.io/istio/{image}:{EMBEDDED_ISTIO}.0"):
                tagged = engine.run(
                    "exec", node, "ctr", "-n", "k8s.io", "images", "tag", "--force", source, target, seconds=30
                )
                assert tagged.code == 0, tagged.err
        inspect = engine.run("inspect", "-f", "{{.NetworkSettings.Networks.kind.IPAddress}}", node, seconds=30)
        address = inspect.out.strip()
        content: dict[str, Any] = YAML(typ="safe", pure=True).load(kubeconfig.read_text(encoding="utf-8"))
        # Peers reach it there as well as this machine does.
        content["clusters"][0]["cluster"]["server"] = f"https://{address}:6443"
        kubeconfig.write_text(json.dumps(content), encoding="utf-8")
        yield OwnCluster(name, kubeconfig, f"kind-{kind}", address)
    finally:
        with suppress(MeshfleetError):
            _kind(engine, "delete", "cluster", "--name", kind, "--kubeconfig", str(kubeconfig))


def _kind(engine: Engine, *arguments: str) -> Any:
    return run_bounded([str(engine.kind), *arguments], seconds=400, environment=engine.environment())


def _install_network(engine: Engine, node: str, pods: str) -> None:
    """Have pods start once kube-proxy has its rules: before, CoreDNS calls the API in vain, for 30 s."""
    write = "until iptables-save -t nat | grep -q KUBE-SVC-; do sleep 0.2; done; cat > /etc/cni/net.d/10-pods.conflist"
    text = json.dumps(_network(pods))
    engine.run("exec", "--interactive", node, "sh", "-c", write, seconds=120, stdin=text)
    ready = ("wait", "--for=condition=Ready", "nodes", "--all", "--timeout=240s")
    engine.run("exec", node, *_KUBECTL, *ready, seconds=250)


def _network(pods: str) -> dict[str, Any]:
    bridge = {
        "type": "bridge",
        "bridge": "cni0",
        "isGateway": True,
        "ipMasq": True,
        "hairpinMode": True,
        "ipam": {"type": "host-local", "ranges": [[{"subnet": pods}]], "routes": [{"dst": "0.0.0.0/0"}]},
    }
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    return {"cniVersion": "0.4.0", "name": "pods", "plugins": [bridge, ports]}


def _configuration(images: Images, pods: str, number: int) -> dict[str, Any]:
    networking = {"disableDefaultCNI": True, "podSubnet": pods, "serviceSubnet": f"10.{number + 24}.0.0/20"}
    return {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "networking": networking,
        "nodes": [{"role": "control-plane", "image": images.node}],
        "kubeadmConfigPatches": [_KUBELET],
    }
