"""ConfigMaps of the user's own to each member of a fleet: `up` beside `kubectl apply` in a loop over the members.

The members run before either begins, and have none of them. kubectl is run in both ways that people write: once for
each member with the folder of manifests, which is the quick one, and once for each object.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from meshfleet.embedded.cluster import Cluster
from meshfleet.workspace.home import Workspace
from scripts.benchmark.documented_sequence import run
from scripts.benchmark.measurement import Pair
from scripts.benchmark.row import Row
from scripts.benchmark.stage import Stage, generated

STACK: Final = "propagating"
MEMBERS: Final = 6
OBJECTS: Final = 100
NAMESPACE: Final = "shop"


@dataclass
class Propagated:
    """Seconds by run. Of the loop over objects they are those of one member, times the number of members."""

    up: list[float] = field(default_factory=list)
    again: list[float] = field(default_factory=list)
    folders: list[float] = field(default_factory=list)
    folders_again: list[float] = field(default_factory=list)
    objects: list[float] = field(default_factory=list)


def propagation(stage: Stage, runs: int) -> list[Row]:
    """Both in turn on one fleet; each removes what it brought before the other one begins."""
    folder = stage.home / "manifests"
    folder.mkdir(parents=True, exist_ok=True)
    for body in config_maps():
        (folder / f"{body['metadata']['name']}.json").write_text(json.dumps(body), encoding="utf-8")
    without = fleet_of_members()
    clusters = list(without["clusters"])
    stage.write_stack(STACK, without)
    stage.meshfleet("up", "--stack", STACK)
    kubectls = [_kubectl(stage, cluster) for cluster in clusters]
    found = Propagated()
    for _ in range(runs):
        _by_up(stage, without, kubectls, found)
        _by_kubectl(kubectls, folder, found)
    stage.meshfleet("destroy", "--stack", STACK, "--yes")
    return rows(found)


def rows(found: Propagated) -> list[Row]:
    """The lines of the table. That of an `up` with nothing to do stands beside the first run of kubectl, too."""
    what = f"{OBJECTS} ConfigMaps to {MEMBERS} running members"
    return [
        _row(f"{what}, beside `kubectl apply -f FOLDER` for each member", found.up, found.folders),
        _row(f"{what}, beside `kubectl apply -f FILE` for each object and member", found.up, found.objects),
        _row("`up` again with nothing to do, beside that first `kubectl apply -f FOLDER`", found.again, found.folders),
        Row(
            "`up` again with nothing to do, beside `kubectl apply -f FOLDER` again",
            f"{statistics.median(found.again):.1f} s",
            f"{statistics.median(found.folders_again):.1f} s",
            f"{_ratio(found.again, found.folders_again):.2f}, for each object {_ratio(found.again, found.objects):.3f}",
        ),
    ]


def config_maps() -> Iterator[dict[str, Any]]:
    """What is propagated: as many small ConfigMaps."""
    for number in range(OBJECTS):
        yield {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": f"settings-{number:03d}", "namespace": NAMESPACE},
            "data": {"currency": "EUR", "number": str(number)},
        }


def fleet_of_members() -> dict[str, Any]:
    """A stack of embedded clusters without a data plane, which have the namespace already."""
    return generated(MEMBERS) | {"namespaces": {NAMESPACE: {}}}


def with_config_maps() -> dict[str, Any]:
    """The same with the objects, in all of its clusters."""
    resources = [{"object": body} for body in config_maps()]
    return fleet_of_members() | {"propagations": {"settings": {"resources": resources}}}


def _by_up(stage: Stage, without: dict[str, Any], kubectls: Sequence[Sequence[str]], found: Propagated) -> None:
    stage.write_stack(STACK, with_config_maps())
    found.up.append(stage.meshfleet("up", "--stack", STACK).seconds)
    for kubectl in kubectls:
        listed = run([*kubectl, "get", "configmaps", "-n", NAMESPACE, "-o", "name"]).split()
        assert sum(name.startswith("configmap/settings-") for name in listed) == OBJECTS
    found.again.append(stage.meshfleet("up", "--stack", STACK).seconds)
    stage.write_stack(STACK, without)
    stage.meshfleet("up", "--stack", STACK)


def _by_kubectl(kubectls: Sequence[Sequence[str]], folder: Path, found: Propagated) -> None:
    for seconds in (found.folders, found.folders_again):
        began = time.monotonic()
        for kubectl in kubectls:
            run([*kubectl, "apply", "--server-side", "-f", str(folder)])
        seconds.append(time.monotonic() - began)
    for kubectl in kubectls:
        run([*kubectl, "delete", "-f", str(folder)])
    # A member takes as long as another one, and all of them some minutes.
    began = time.monotonic()
    for file in sorted(folder.iterdir()):
        run([*kubectls[0], "apply", "--server-side", "-f", str(file)])
    found.objects.append((time.monotonic() - began) * len(kubectls))
    run([*kubectls[0], "delete", "-f", str(folder)])


def _kubectl(stage: Stage, cluster: str) -> list[str]:
    kubeconfig = Cluster(Workspace(STACK, stage.home), cluster).kubeconfig
    return [str(stage.tools.bin / "kubectl"), "--kubeconfig", str(kubeconfig)]


def _row(what: str, ours: Sequence[float], other: Sequence[float]) -> Row:
    seconds = f"{statistics.median(ours):.1f} s"
    return Row(what, seconds, f"{statistics.median(other):.1f} s (kubectl)", f"{_ratio(ours, other):.2f}")


def _ratio(ours: Sequence[float], other: Sequence[float]) -> float:
    return Pair(tuple(ours), tuple(other)).ratio
