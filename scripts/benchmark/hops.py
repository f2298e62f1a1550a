"""What requests between clusters take: the first one after `up`, and a hop between networks beside shorter ones."""

from __future__ import annotations

import itertools
import statistics
import time
from typing import Any

from meshfleet.dataplane.network.namespaces import inside
from meshfleet.kube.decoders import prepare_decoders
from meshfleet.processes.waiting import NotYetError, wait_until
from meshfleet.verification.traffic import Reply, Target, request
from meshfleet.workspace.home import Workspace
from scripts.benchmark.load import CONNECTIONS, Load, load
from scripts.benchmark.pods import FleetOfPods
from scripts.benchmark.row import Row
from scripts.benchmark.stage import Stage

_LOAD_SECONDS = 5.0
_WARM_SECONDS = 1.0
_PATIENCE = 60.0


def first_request(stage: Stage, runs: int) -> list[Row]:
    """From the end of `up` to the first answer of each other cluster, of the fleet `dev`."""
    waits, ups = [], []
    # Takes a moment the first time, which is not the fleet's.
    prepare_decoders()
    for _ in range(runs):
        ups.append(stage.meshfleet("up", "--stack", "dev").seconds)
        ended = time.monotonic()
        pods = FleetOfPods(Workspace("dev", stage.home))
        namespace, target = pods.namespace("west", "echo", "sample"), pods.service("west", "echo", "sample")
        _await_clusters(namespace, target, {"east"})
        waits.append(time.monotonic() - ended)
        stage.meshfleet("destroy", "--stack", "dev", "--yes")
    ours, other = statistics.median(waits), statistics.median(ups)
    share = f"{statistics.median(wait / up for wait, up in zip(waits, ups, strict=True)):.2f}"
    what = "from the end of `up` to the first response from another network"
    return [Row(what, f"{ours:.2f} s", f"`up` itself: {other:.1f} s", share)]


def hop(stage: Stage, runs: int) -> list[Row]:
    """A hop across networks through two proxies and a gateway, in one network, and without any mesh; in turn."""
    stage.write_stack("hops", two_networks())
    stage.meshfleet("up", "--stack", "hops")
    pods = FleetOfPods(Workspace("hops", stage.home))
    inside_mesh = pods.namespace("west", "client", "sample")
    hops = {
        "far": (inside_mesh, pods.service("west", "far", "sample")),
        "near": (inside_mesh, pods.service("west", "near", "sample")),
        "plain": (pods.namespace("west", "client-plain", "plain"), pods.pod("near", "plain", "plain")),
    }
    _await_clusters(*hops["far"], {"east"})
    _await_clusters(*hops["near"], {"near"})
    alone: dict[str, list[Load]] = {name: [] for name in hops}
    together: dict[str, list[Load]] = {name: [] for name in hops}
    for _, (name, (namespace, target)) in itertools.product(range(runs), hops.items()):
        load(namespace, target, _WARM_SECONDS)
        alone[name].append(load(namespace, target, _LOAD_SECONDS, 1))
        together[name].append(load(namespace, target, _LOAD_SECONDS))
    stage.meshfleet("destroy", "--stack", "hops", "--yes")
    return [*_latencies(alone, 1), *_latencies(together, CONNECTIONS), _rates(together)]


def two_networks() -> dict[str, Any]:
    """A stack: two clusters on one network and a third on another, with workloads in a mesh and out of it."""

    def cluster(network: str) -> dict[str, Any]:
        return {"embedded": {"pods": "processes"}, "network": network}

    return {
        "host": "west",
        "meshes": {"mesh1": {"settings": {"mtls": "strict"}}},
        "networks": {"network-1": {}, "network-2": {}},
        "clusters": {"west": cluster("network-1"), "near": cluster("network-1"), "east": cluster("network-2")},
        "namespaces": {"sample": {"injection": True}, "plain": {"injection": False}},
        "workloads": {
            "client": {"namespace": "sample", "clusters": ["west"]},
            "near": {"namespace": "sample", "clusters": ["near"]},
            "far": {"namespace": "sample", "clusters": ["east"]},
            "client-plain": {"namespace": "plain", "clusters": ["west"]},
            "plain": {"namespace": "plain", "clusters": ["near"]},
        },
    }


def _latencies(found: dict[str, list[Load]], connections: int) -> list[Row]:
    rows = []
    for percent in (50, 99):
        middle = {name: statistics.median(one.percentile(percent) for one in taken) for name, taken in found.items()}
        what = f"p{percent} of a request to another network, {connections} connection{'s' if connections > 1 else ''}"
        beside = f"same network {middle['near']:.2f} ms, no mesh {middle['plain']:.2f} ms"
        added = f"{middle['far'] - middle['near']:+.2f}, {middle['far'] - middle['plain']:+.2f} ms"
        rows.append(Row(what, f"{middle['far']:.2f} ms", beside, added))
    return rows


def _rates(found: dict[str, list[Load]]) -> Row:
    middle = {name: statistics.median(one.rate for one in taken) for name, taken in found.items()}
    beside = f"same network {middle['near']:.0f}/s, no mesh {middle['plain']:.0f}/s"
    ratio = f"{middle['far'] / middle['near']:.2f}, {middle['far'] / middle['plain']:.2f}"
    return Row(f"requests to another network, {CONNECTIONS} connections", f"{middle['far']:.0f}/s", beside, ratio)


def _await_clusters(namespace: str, target: Target, wanted: set[str]) -> None:
    def answered() -> Reply:
        reply = inside(namespace, lambda: request(target, 5))
        if reply.cluster not in wanted:
            raise NotYetError(reply.fault or f"an answer of {reply.cluster}")
        return reply

    wait_until(answered, f"an answer of {', '.join(sorted(wanted))}", _PATIENCE, "run meshfleet verify", every=0.01)
