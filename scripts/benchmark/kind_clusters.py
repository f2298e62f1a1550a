"""Two clusters of kind and their mesh, from nothing to the first response of the other network, and what they take."""

from __future__ import annotations

import json
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from meshfleet.containers.engine import find_engine
from meshfleet.containers.images import find_images
from meshfleet.embedded.cluster_ranges import RANGES, release_ranges, reserve_ranges
from meshfleet.errors import ContainersError
from meshfleet.kind.cluster import KindCluster
from meshfleet.kind.engine import DockerEngine, engine_for
from meshfleet.kind.nodes import nodes_of
from meshfleet.kind.spec import KindSpec, name_of
from meshfleet.processes.child_environment import client_environment
from meshfleet.processes.waiting import NotYetError, wait_until
from meshfleet.topology import Fleet, load
from meshfleet.topology.stack_file import read_stack_file
from meshfleet.workspace.home import Workspace
from scripts.benchmark import documented_pods
from scripts.benchmark import documented_sequence as documented
from scripts.benchmark.measurement import Pair
from scripts.benchmark.row import Row
from scripts.benchmark.stage import Stage

STACK = "kind"
_BASELINE = "bench-other"
_CALLER, _ANSWERS = "west", "east"
_PATIENCE = 120.0
# Images and data of a node are in this volume of its container.
_DISK = ("du", "-s", "-k", "-x", "/var")


def kind(stage: Stage, runs: int) -> list[Row]:
    """The stack `kind` against the documented sequence on equal clusters; nothing where the images are not made."""
    try:
        find_images().require()
    except ContainersError as error:
        print(f"kind is not measured: {error}", file=sys.stderr)
        return []
    found = read_stack_file(stage.stacks, STACK)
    fleet = load(found.stack, found.config)
    ours, other = [], []
    taken: list[tuple[float, float]] = []
    # What it takes to start the engine is neither's.
    engine = find_engine()
    with engine.in_use():
        for _ in range(runs):
            seconds, holds = _ours(stage, fleet)
            ours.append(seconds)
            taken.append(holds)
            other.append(_documented(stage, fleet))
    engine.stop_if_unused()
    pair = Pair(tuple(ours), tuple(other))
    baseline = f"{statistics.median(other):.0f} s (kind, helm, kubectl, istioctl)"
    what = "two clusters of kind and their mesh, to the first response from the other network"
    memory, disk = (statistics.median(one[position] for one in taken) for position in (0, 1))
    return [
        Row(what, f"{statistics.median(ours):.0f} s", baseline, f"{pair.ratio:.2f}"),
        Row("memory and disk of such a cluster", f"{memory:.0f} MiB, {disk:.0f} MiB", "", ""),
    ]


def _ours(stage: Stage, fleet: Fleet) -> tuple[float, tuple[float, float]]:
    """The seconds of `up` and until the first response after it; then what a cluster takes, in MiB."""
    try:
        seconds = stage.meshfleet("up", "--stack", STACK).seconds
        status = json.loads(stage.meshfleet("status", "--stack", STACK, "--json").output)
        caller = next(one for one in status["clusters"] if one["name"] == _CALLER)
        seconds += _first_response(stage, Path(caller["kubeconfig"]))
        holds = _holds(engine_for("", built=True), [name_of(STACK, name) for name in fleet.clusters])
    finally:
        stage.meshfleet("destroy", "--stack", STACK, "--yes")
    return seconds, holds


def _documented(stage: Stage, fleet: Fleet) -> float:
    """The seconds of the documented sequence, clusters included, and until the first response after it."""
    names = tuple(fleet.clusters)
    certificates = stage.home / "certificates"
    authorities = documented.certificates(certificates, names)
    workspace = Workspace(_BASELINE, stage.home)
    start = time.monotonic()
    with _clusters(workspace, fleet) as running:
        members = [
            documented.Member(name, kubeconfig, server, authorities[name], address)
            for name, (kubeconfig, server, address) in running.items()
        ]
        documented_pods.install(stage.tools, certificates, members, fleet)
        _first_response(stage, running[_CALLER][0])
        return time.monotonic() - start


@contextmanager
def _clusters(workspace: Workspace, fleet: Fleet) -> Iterator[Mapping[str, tuple[Path, str, str]]]:
    """Clusters as the stack has them, one after the other: kubeconfig, server and gateway address of each."""
    engine = engine_for("", built=True)
    made: dict[str, KindCluster] = {}
    found: dict[str, tuple[Path, str, str]] = {}
    try:
        for name, declared in fleet.clusters.items():
            services, pods = reserve_ranges(workspace.home, workspace.owner(RANGES, name))
            spec = KindSpec(
                name=name,
                network=declared.network,
                kubernetes_version=fleet.kubernetes.version,
                nodes=1,
                built=True,
                image="",
                pod_cidr=str(pods),
                service_cidr=str(services),
                region=declared.region,
                zone=declared.zone,
                addresses=1,
            )
            made[name] = KindCluster(workspace, name, engine)
            running = made[name].create(spec, "")
            kubeconfig = workspace.home / f"{name}.kubeconfig"
            kubeconfig.write_text(running.kubeconfig, encoding="utf-8")
            found[name] = (kubeconfig, running.server, running.addresses[0])
        yield found
    finally:
        for name, cluster in made.items():
            cluster.delete()
            release_ranges(workspace.home, workspace.owner(RANGES, name))


def _first_response(stage: Stage, kubeconfig: Path) -> float:
    """Seconds until the other cluster answers a request of an echo pod of the caller's cluster."""
    start = time.monotonic()
    command = [str(stage.tools.bin / "kubectl"), "--kubeconfig", str(kubeconfig), "exec", "-n", "sample"]
    command += ["deployment/echo-v1", "-c", "echo", "--", "client", "--count", "2", "--new-connection-per-request"]
    command += ["http://echo.sample.svc.cluster.local/"]

    def answered() -> None:
        # A client whose requests fail ends with an error; what it printed says which.
        done = subprocess.run(command, env=client_environment(), capture_output=True, text=True, check=False)
        if f"Cluster={_ANSWERS}" not in done.stdout:
            raise NotYetError((done.stderr or done.stdout).strip()[-200:])

    wait_until(answered, f"a response of {_ANSWERS}", _PATIENCE, "see the logs of the pods", every=0.1)
    return time.monotonic() - start


def _holds(engine: DockerEngine, clusters: list[str]) -> tuple[float, float]:
    """The memory, without what is cached of files, and the disk of a cluster's node: the means of these, in MiB."""
    nodes = [node.name for cluster in clusters for node in nodes_of(engine, cluster)]
    usage = engine.run("stats", "--no-stream", "--format", "{{.MemUsage}}", *nodes, seconds=60).out
    memory = [_mebibytes(line) for line in usage.splitlines()]
    disk = [int(engine.run("exec", node, *_DISK, seconds=60).out.split()[0]) / 1024 for node in nodes]
    return statistics.mean(memory), statistics.mean(disk)


def _mebibytes(usage: str) -> float:
    """The first number of what `docker stats` prints, such as `812.3MiB / 23.5GiB`."""
    read = re.match(r"([0-9.]+)(MiB|GiB)", usage)
    if not read:
        raise ValueError(f"docker stats printed {usage!r}")
    return float(read[1]) * (1024 if read[2] == "GiB" else 1)
