"""What a fleet costs by the number of its members, and what one more costs when the others run."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from meshfleet.embedded.cluster import Cluster
from meshfleet.manifests import fleet_plan
from meshfleet.topology import load
from meshfleet.workspace.home import Workspace
from scripts.benchmark.api_calls import Calls, api_calls
from scripts.benchmark.fitting import fit
from scripts.benchmark.measurement import MEBIBYTE, Measurement, resident_under
from scripts.benchmark.row import Row
from scripts.benchmark.stage import Stage, generated

STACK = "grown"


@dataclass(frozen=True)
class Grown:
    """One `up` of some members from nothing; memory in bytes, `calls` of each API server."""

    up: Measurement
    resources: int
    calls: tuple[Calls, ...]
    running: int


def scale(stage: Stage, runs: int) -> list[Row]:
    """`up` of fleets of several sizes, each cluster a primary on a network of its own."""
    planned = {count: _planned(count) for count in stage.members}
    found: dict[int, list[Grown]] = {count: [] for count in stage.members}
    for _ in range(runs):
        for count, grown in found.items():
            stage.write_stack(STACK, generated(count))
            grown.append(_grown(stage, count))
            stage.meshfleet("destroy", "--stack", STACK, "--yes")

    def medians(value: Callable[[Grown], float]) -> dict[int, float]:
        return {count: statistics.median(map(value, grown)) for count, grown in found.items()}

    fewest, most = min(found), max(found)
    state, seconds = medians(lambda one: one.resources), medians(lambda one: one.up.seconds)
    each = {count: total / count for count, total in seconds.items()}
    calls = medians(lambda one: statistics.mean(calls.total for calls in one.calls))
    writes = medians(lambda one: statistics.mean(calls.writes for calls in one.calls))
    peak = medians(lambda one: one.up.peak / MEBIBYTE)
    running = medians(lambda one: one.running / MEBIBYTE)
    members = f"{_listed(found)} members"
    return [
        Row(
            f"objects and releases, {members}",
            _listed(planned.values()),
            f"per cluster: {_listed(planned[count] / count for count in planned)}",
            str(fit(planned)),
        ),
        Row(f"resources in the state, {members}", _listed(state.values()), "", str(fit(state))),
        Row(
            f"API calls in a cluster during `up`, {members}",
            _listed(calls.values()),
            f"of which writes: {_listed(writes.values())}",
            f"{most} : {fewest} = {calls[most] / calls[fewest]:.2f}",
        ),
        Row(
            f"time of `up` per cluster, {members}",
            f"{_listed(each.values(), 1)} s",
            f"total: {_listed(seconds.values(), 1)} s",
            f"{most} : {fewest} = {each[most] / each[fewest]:.2f}",
        ),
        Row(
            f"peak memory of `up`, {members}",
            f"{_listed(peak.values())} MiB",
            f"of the running fleet: {_listed(running.values())} MiB",
            f"{fit(peak).slope:.0f} MiB per cluster",
        ),
    ]


def member(stage: Stage, runs: int) -> list[Row]:
    """One more member beside those that run, against the same fleet from nothing."""
    count = max(stage.members)
    beside, whole = [], []
    for _ in range(runs):
        stage.write_stack(STACK, generated(count))
        stage.meshfleet("up", "--stack", STACK)
        stage.write_stack(STACK, generated(count + 1))
        beside.append(stage.meshfleet("up", "--stack", STACK, "--json"))
        stage.meshfleet("destroy", "--stack", STACK, "--yes")
        whole.append(stage.meshfleet("up", "--stack", STACK, "--json"))
        stage.meshfleet("destroy", "--stack", STACK, "--yes")
    ours, theirs = (statistics.median(one.seconds for one in ups) for ups in (beside, whole))
    ratio = statistics.median(one.seconds / other.seconds for one, other in zip(beside, whole, strict=True))
    return [
        Row(
            f"adding one member to {count}",
            f"{ours:.1f} s, {_changes(beside[-1])}",
            f"all {count + 1} from scratch: {theirs:.1f} s, {_changes(whole[-1])}",
            f"{ratio:.2f}",
        )
    ]


def _grown(stage: Stage, count: int) -> Grown:
    up = stage.meshfleet("up", "--stack", STACK, memory=True)
    workspace = Workspace(STACK, stage.home)
    kubeconfigs = [Cluster(workspace, name).kubeconfig for name in generated(count)["clusters"]]
    calls = tuple(api_calls(stage.tools.bin / "kubectl", kubeconfig) for kubeconfig in kubeconfigs)
    return Grown(up, _resources(stage), calls, resident_under(workspace.directory))


def _planned(count: int) -> int:
    """Kubernetes objects and Helm releases of a fleet, of all clusters together."""
    return sum(len(documents) for documents in fleet_plan(load(STACK, generated(count))).values())


def _resources(stage: Stage) -> int:
    """How many resources the state has, the stack and its components included."""
    file = stage.home / "state" / ".pulumi" / "stacks" / "meshfleet" / f"{STACK}.json"
    return len(json.loads(file.read_text(encoding="utf-8"))["checkpoint"]["latest"]["resources"])


def _changes(up: Measurement) -> str:
    """What `up --json` says it changed."""
    answer, _ = json.JSONDecoder().raw_decode(up.output, up.output.index("{"))
    return ", ".join(f"{count} {kind}" for kind, count in answer["changes"].items())


def _listed(values: Iterable[float], digits: int = 0) -> str:
    return ", ".join(f"{value:.{digits}f}" for value in values)
