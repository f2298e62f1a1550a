"""What is measured. Each part runs its alternatives in turn and returns rows for the table."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path

from meshfleet.cli.rendering import render
from meshfleet.dataplane.sweep import sweep
from meshfleet.embedded.cluster import Cluster
from meshfleet.topology import load
from meshfleet.workspace.home import Workspace
from scripts.benchmark import documented_sequence as documented
from scripts.benchmark.failing_over import failover
from scripts.benchmark.first import first
from scripts.benchmark.growth import member, scale
from scripts.benchmark.hops import first_request, hop
from scripts.benchmark.kind_clusters import kind
from scripts.benchmark.machines import machine
from scripts.benchmark.measurement import MEBIBYTE, Pair, measured, resident_under
from scripts.benchmark.placing import placement
from scripts.benchmark.portal import portal
from scripts.benchmark.propagating import propagation
from scripts.benchmark.region import region
from scripts.benchmark.row import Row
from scripts.benchmark.stage import THREE, Stage, generated

NAMES = ("host", "west", "east")
EMPTY_PROGRAM = "import pulumi\n"


def _row(what: str, pair: Pair, other: str) -> Row:
    ours = f"{statistics.median(pair.ours):.1f} s"
    return Row(what, ours, f"{statistics.median(pair.other):.1f} s ({other})", f"{pair.ratio:.2f}")


def mesh(stage: Stage, runs: int) -> list[Row]:
    """The mesh over three clusters that run already: `up` on existing clusters against the documented sequence."""
    ours, other = [], []
    for _ in range(runs):
        members = _clusters(stage, "bench-ours")
        stage.write_stack("bench", _existing(members))
        ours.append(stage.meshfleet("up", "--stack", "bench").seconds)
        stage.meshfleet("destroy", "--stack", "bench", "--yes")
        sweep("bench-ours", stage.home)
        members = _clusters(stage, "bench-other")
        start = time.monotonic()
        documented.install(stage.tools, Workspace("bench-other", stage.home), stage.home / "certificates", members)
        other.append(time.monotonic() - start)
        sweep("bench-other", stage.home)
    return [_row("mesh across three running clusters", Pair(tuple(ours), tuple(other)), "helm, kubectl, istioctl")]


def fleet(stage: Stage, runs: int) -> list[Row]:
    """The same from nothing, the three clusters included."""
    ours, other = [], []
    for _ in range(runs):
        ours.append(stage.meshfleet("up", "--stack", THREE).seconds)
        stage.meshfleet("destroy", "--stack", THREE, "--yes")
        start = time.monotonic()
        members = _clusters(stage, "bench-other")
        documented.install(stage.tools, Workspace("bench-other", stage.home), stage.home / "certificates", members)
        other.append(time.monotonic() - start)
        sweep("bench-other", stage.home)
    pair = Pair(tuple(ours), tuple(other))
    return [_row("three clusters and their mesh, from scratch", pair, "kwokctl, helm, kubectl, istioctl")]


def unchanged(stage: Stage, runs: int) -> list[Row]:
    """`up` with nothing to change against `pulumi up` of a program that registers nothing."""
    empty = stage.home / "empty"
    empty.mkdir(parents=True, exist_ok=True)
    (empty / "Pulumi.yaml").write_text("name: empty\nruntime: python\n", encoding="utf-8")
    (empty / "__main__.py").write_text(EMPTY_PROGRAM, encoding="utf-8")
    pulumi = str(stage.tools.bin / "pulumi")
    measured([pulumi, "stack", "init", "empty", "--non-interactive"], empty, stage.environment)
    stage.meshfleet("up", "--stack", THREE)
    ours, other = [], []
    command = [pulumi, "up", "--stack", "empty", "--yes", "--skip-preview", "--non-interactive"]
    for run in range(runs + 1):
        mine = stage.meshfleet("up", "--stack", THREE).seconds
        theirs = measured(command, empty, stage.environment).seconds
        # The first pair warms what both share, and creates the empty stack's one resource.
        if run:
            ours.append(mine)
            other.append(theirs)
    stage.meshfleet("destroy", "--stack", THREE, "--yes")
    return [_row("`up` without changes", Pair(tuple(ours), tuple(other)), "an empty Pulumi program")]


def rendering(stage: Stage, runs: int) -> list[Row]:
    """`render` of 100 clusters, whole command, and how it grows to 1,000."""
    times: dict[int, list[float]] = {100: [], 1000: []}
    for count, taken in times.items():
        stage.write_stack(f"many{count}", generated(count))
        for _ in range(runs):
            out = stage.home / f"rendered{count}"
            taken.append(stage.meshfleet("render", "--stack", f"many{count}", "--out", str(out)).seconds)
    hundred, thousand = (statistics.median(taken) for taken in times.values())
    start = time.monotonic()
    topology = load("many", generated(100))
    loaded = time.monotonic()
    render(topology)
    inside = f"of which {loaded - start:.2f} s validation, {time.monotonic() - loaded:.2f} s rendering"
    growth = f"{thousand / hundred / 10:.2f}"
    return [
        Row("`render` of 100 clusters, total", f"{hundred:.2f} s", inside, ""),
        Row("`render` of 1,000 clusters", f"{thousand:.2f} s", "100 clusters, times 10", growth),
    ]


def memory(stage: Stage, runs: int) -> list[Row]:
    """What `up` holds at its peak, itself and the control planes it leaves behind."""
    del runs
    stage.write_stack("one", generated(1))
    one = stage.meshfleet("up", "--stack", "one", memory=True).peak
    stage.meshfleet("destroy", "--stack", "one", "--yes")
    three = stage.meshfleet("up", "--stack", THREE, memory=True).peak
    workspace = Workspace(THREE, stage.home)
    clusters = resident_under(workspace.directory / "clusters")
    istiods = resident_under(workspace.directory / "istiods")
    stage.meshfleet("destroy", "--stack", THREE, "--yes")
    return [
        Row(
            "peak memory of `up`, three clusters",
            f"{three / MEBIBYTE:.0f} MiB",
            f"one cluster: {one / MEBIBYTE:.0f} MiB",
            f"{(three - one) / 2 / MEBIBYTE:.0f} MiB per cluster",
        ),
        Row(
            "memory of the running fleet, per cluster",
            f"{clusters / 3 / MEBIBYTE:.0f} MiB",
            f"istiod: {istiods / 3 / MEBIBYTE:.0f} MiB",
            "",
        ),
    ]


PARTS: dict[str, Callable[[Stage, int], list[Row]]] = {
    "mesh": mesh,
    "fleet": fleet,
    "unchanged": unchanged,
    "render": rendering,
    "memory": memory,
    "scale": scale,
    "member": member,
    "request": first_request,
    "hop": hop,
    "region": region,
    "machine": machine,
    "portal": portal,
    "first": first,
    "kind": kind,
    "placement": placement,
    "propagation": propagation,
    "failover": failover,
}


def _clusters(stage: Stage, fleet: str) -> list[documented.Member]:
    """Three clusters, one after the other."""
    workspace = Workspace(fleet, stage.home)
    authorities = documented.certificates(stage.home / "certificates", NAMES)
    members = []
    for position, name in enumerate(NAMES, start=1):
        cluster = Cluster(workspace, name)
        running = cluster.create(documented.spec(name))
        address = f"127.0.1.{position}"
        members.append(documented.Member(name, cluster.kubeconfig, running.server, authorities[name], address))
    return members


def _existing(members: list[documented.Member]) -> dict[str, object]:
    return {
        "host": "host",
        "networks": {f"network-{member.name}": {} for member in members},
        "clusters": {
            member.name: {
                "network": f"network-{member.name}",
                "existing": {
                    "kubeconfig": str(member.kubeconfig),
                    "context": _context(member.kubeconfig),
                    "pods": "simulated",
                },
            }
            for member in members
        },
    }


def _context(kubeconfig: Path) -> str:
    from ruamel.yaml import YAML

    return str(YAML(typ="safe", pure=True).load(kubeconfig)["current-context"])
