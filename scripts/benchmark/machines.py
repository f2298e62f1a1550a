"""A virtual machine is added to a mesh: for how long its first caller waits."""

from __future__ import annotations

import statistics
import time
from dataclasses import replace
from typing import Any

from meshfleet.verification.steady_requests import send_steadily
from meshfleet.workspace.home import Workspace
from scripts.benchmark.pods import FleetOfPods
from scripts.benchmark.row import Row
from scripts.benchmark.stage import Stage

_STACK = "machines"
_NAME = "billing"
_PORT = 8080
_AFTER_SECONDS = 5.0
"""A machine that the mesh has is known to proxies elsewhere by then."""


def machine(stage: Stage, runs: int) -> list[Row]:
    """From the beginning of `vm start` to the first answer that a pod of another network gets of the machine."""
    stage.write_stack(_STACK, with_a_machine())
    stage.meshfleet("up", "--stack", _STACK)
    pods = FleetOfPods(Workspace(_STACK, stage.home))
    namespace = pods.namespace("east", "shop", "orders")
    target = replace(pods.service("east", _NAME, "orders"), port=_PORT)
    waits, commands = [], []
    for _ in range(runs):
        with send_steadily(namespace, target, per_second=20.0) as requests:
            begun = requests.elapsed
            commands.append(stage.meshfleet("vm", "start", _NAME, "--stack", _STACK).seconds)
            time.sleep(_AFTER_SECONDS)
        good = [one.answered for one in requests.requests if one.reply.code == 200]
        if not good:
            raise RuntimeError(f"{_NAME} does not respond {_AFTER_SECONDS:.0f} s after its start: {requests.faults()}")
        waits.append(min(good) - begun)
        stage.meshfleet("vm", "stop", _NAME, "--stack", _STACK)
    stage.meshfleet("destroy", "--stack", _STACK, "--yes")
    ours, other = statistics.median(waits), statistics.median(commands)
    what = "from `vm start` to the first response to another network"
    return [Row(what, f"{ours:.1f} s", f"`vm start` itself: {other:.1f} s", f"{ours / other:.2f}")]


def with_a_machine() -> dict[str, Any]:
    """A stack of two networks: on one a machine may come, on the other a pod asks for it."""
    return {
        "host": "west",
        "meshes": {"shop": {"settings": {"mtls": "strict"}}},
        "networks": {"coast": {}, "inland": {}},
        "clusters": {
            "west": {"embedded": {"pods": "processes"}, "network": "coast"},
            "east": {"embedded": {"pods": "processes"}, "network": "inland"},
        },
        "namespaces": {"orders": {"injection": True}},
        "workloads": {"shop": {"namespace": "orders", "clusters": ["east"]}},
        "virtualMachines": {
            _NAME: {
                "namespace": "orders",
                "cluster": "west",
                "ports": {"http": {"port": _PORT}},
                "probe": {"http": {"port": _PORT, "path": "/"}, "periodSeconds": 1},
            }
        },
    }
