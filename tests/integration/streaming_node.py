"""A node whose pods have logs and take exec, attach and port-forward: kwok serves the kubelet's API for it.

Its streams are those of a kubelet, spoken with a real API server. Commands run on this machine; kwok neither ends their
input nor passes on their exit code.
Source: https://kwok.sigs.k8s.io/docs/user/kwok-manage-logs-exec-attach-portforward/
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from meshfleet.processes.waiting import NotYetError, wait_until
from meshfleet.testing import FleetUnderTest
from meshfleet.toolchain.tools import tool
from tests.portal.portal_under_test import free_port

NODE, POD = "streams-0", "shell"
_API = "kwok.x-k8s.io/v1alpha1"


@dataclass(frozen=True)
class StreamingPod:
    """The pod; what is written with `log` is in its log, and its command runs in `folder`."""

    folder: Path

    def log(self, line: str) -> None:
        """Another line, as a container runtime writes it."""
        with (self.folder / "log").open("a", encoding="utf-8") as file:
            file.write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ} stdout F {line}\n")


@contextmanager
def streaming_pod(
    fleet: FleetUnderTest, cluster: str, namespace: str, folder: Path, port: int
) -> Iterator[StreamingPod]:
    """The pod `shell` of a namespace, whose ports lead to `port` of loopback; it and its node are gone afterwards."""
    pod = StreamingPod(folder)
    pod.log("first line")
    kubelet = free_port()
    settings = folder / "kwok.json"
    settings.write_text("\n---\n".join(map(json.dumps, _settings(folder, port))))
    place = ["--server-address", f"127.0.0.1:{kubelet}", "--node-port", str(kubelet), "--node-ip", "127.0.0.1"]
    kubeconfig = ["--kubeconfig", str(fleet.cluster(cluster)["kubeconfig"])]
    for one in _objects(namespace):
        _apply(fleet, cluster, folder, one)
    _patch(fleet, cluster, ["node", NODE], _node_status(kubelet))
    _patch(fleet, cluster, ["pod", POD, "--namespace", namespace], _pod_status())
    with (folder / "kwok.log").open("wb") as log:
        kwok = subprocess.Popen(
            [str(tool("kwok")), *kubeconfig, "--config", str(settings), "--manage-single-node", NODE, *place],
            stdout=log,
            stderr=log,
        )
        try:

            def served() -> None:
                if fleet.kubectl(cluster, "logs", POD, "--namespace", namespace, expect=None).code:
                    raise NotYetError((folder / "kwok.log").read_text()[-400:])

            wait_until(served, "kwok to serve logs", 60, "look at its log")
            yield pod
        finally:
            kwok.terminate()
            kwok.wait(20)
            # Of a cluster that is gone by then there is nothing to delete.
            which = (["pod", POD, "--namespace", namespace, "--force", "--grace-period", "0"], ["node", NODE])
            for arguments in which:
                fleet.kubectl(cluster, "delete", *arguments, "--request-timeout", "10s", expect=None)


def _apply(fleet: FleetUnderTest, cluster: str, folder: Path, body: dict[str, Any]) -> None:
    path = folder / "object.json"
    path.write_text(json.dumps(body))
    fleet.kubectl(cluster, "apply", "--filename", str(path))


def _patch(fleet: FleetUnderTest, cluster: str, which: list[str], status: dict[str, Any]) -> None:
    fleet.kubectl(cluster, "patch", *which, "--subresource", "status", "--patch", json.dumps({"status": status}))


def _settings(folder: Path, port: int) -> list[dict[str, Any]]:
    def one(kind: str, spec: dict[str, Any]) -> dict[str, Any]:
        return {"apiVersion": _API, "kind": kind, "metadata": {"name": kind.lower()}, "spec": spec}

    log = str(folder / "log")
    # It does not start without stages; these are of no object.
    none = {"selector": {"matchLabels": {"never": "true"}}, "next": {}}
    stages = [one("Stage", {"resourceRef": {"apiGroup": "v1", "kind": kind}, **none}) for kind in ("Node", "Pod")]
    for stage, name in zip(stages, ("node", "pod"), strict=True):
        stage["metadata"]["name"] = name
    return [
        one("ClusterLogs", {"logs": [{"logsFile": log, "follow": True}]}),
        one("ClusterAttach", {"attaches": [{"logsFile": log}]}),
        one("ClusterExec", {"execs": [{"local": {"workDir": str(folder)}}]}),
        one("ClusterPortForward", {"forwards": [{"target": {"address": "127.0.0.1", "port": port}}]}),
        *stages,
    ]


def _objects(namespace: str) -> list[dict[str, Any]]:
    return [
        {"apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE}, "spec": {"unschedulable": True}},
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": POD, "namespace": namespace},
            "spec": {
                "nodeName": NODE,
                "containers": [{"name": POD, "image": POD, "stdin": True}],
                # Nobody renews the lease of the node.
                "tolerations": [{"operator": "Exists"}],
            },
        },
    ]


def _node_status(port: int) -> dict[str, Any]:
    return {
        "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
        "conditions": [{"type": "Ready", "status": "True", "reason": "Served", "message": ""}],
    }


def _pod_status() -> dict[str, Any]:
    container = {"name": POD, "image": POD, "imageID": "", "ready": True, "restartCount": 0}
    running = {"state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}
    return {
        "phase": "Running",
        "conditions": [{"type": "Ready", "status": "True"}],
        "containerStatuses": [container | running],
    }
