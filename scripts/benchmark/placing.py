"""How long the placement of many workloads over many clusters takes, and how that grows with each of both.

A process of its own does the whole way, from the stack file to every document of every cluster, as a run of the program
does before it registers anything.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

from meshfleet.cli.placement import placement_of
from meshfleet.federation.propagated import propagations
from meshfleet.manifests import fleet_plan
from meshfleet.manifests.propagation_faults import faults_of_propagations
from meshfleet.processes.garbage_collection import collect_less_often
from meshfleet.sources.loading import load
from meshfleet.topology.stack_file import read_stack_file
from scripts.benchmark.fitting import fit
from scripts.benchmark.measurement import measured
from scripts.benchmark.placements import placed_stack
from scripts.benchmark.row import Row
from scripts.benchmark.stage import Stage

WORKLOADS: Final = (10_000, 20_000, 30_000)
CLUSTERS: Final = (25, 50, 100)
_STEPS: Final = ("read and checked", "placed with overrides", "documents", "explained")


@dataclass(frozen=True)
class Placed:
    """Seconds of a processor that a whole run took, and each of its steps.

    `whole` is from the start of the process to the last document; explanations are for `meshfleet placement` alone.
    `documents` is how many there are in all clusters.
    """

    whole: float
    steps: Mapping[str, float]
    documents: int


def placement(stage: Stage, runs: int) -> list[Row]:
    """All sizes in turn: workloads over the most clusters, and the fewest workloads over fewer clusters."""
    fewest, widest = min(WORKLOADS), max(CLUSTERS)
    found: dict[tuple[int, int], list[Placed]] = {(count, widest): [] for count in WORKLOADS}
    found |= {(fewest, count): [] for count in CLUSTERS if count != widest}
    for _ in range(runs):
        for (workloads, clusters), taken in found.items():
            taken.append(_placed(stage, workloads, clusters))
    return rows(found)


def rows(found: Mapping[tuple[int, int], list[Placed]]) -> list[Row]:
    """The lines of the table: the largest fleet beside a third of its workloads, and growth."""
    most, widest = max(found)
    by_workloads = {count: _median(taken) for (count, clusters), taken in sorted(found.items()) if clusters == widest}
    fewest = min(by_workloads)
    by_clusters = {clusters: _median(taken) for (count, clusters), taken in sorted(found.items()) if count == fewest}
    largest = found[most, widest]
    steps = {step: statistics.median(one.steps[step] for one in largest) for step in _STEPS}
    what = f"placement of {most:,} workloads with overrides over {widest} clusters, CPU time"
    inside = ", ".join(f"{steps[step]:.1f} s {step}" for step in _STEPS[:-1])
    return [
        Row(f"{what}, {largest[0].documents:,} documents", f"{by_workloads[most]:.1f} s", f"of which {inside}", ""),
        Row(
            f"the same, {_listed(by_workloads)} workloads",
            f"{_seconds(by_workloads)} s",
            f"{fewest:,}, times {most // fewest}: {by_workloads[fewest] * most / fewest:.1f} s",
            f"{by_workloads[most] / by_workloads[fewest] * fewest / most:.2f}",
        ),
        Row(
            f"{fewest:,} workloads, {_listed(by_clusters)} clusters",
            f"{_seconds(by_clusters)} s",
            f"for each cluster more: {_per_cluster(by_clusters)}",
            str(fit(by_clusters)),
        ),
        Row(
            "each placement and override explained, as `placement --json` prints it",
            f"{steps[_STEPS[-1]]:.1f} s more",
            "",
            "",
        ),
    ]


def _per_cluster(seconds: Mapping[int, float]) -> str:
    """What a cluster more costs between two sizes each: the same for all where growth is linear."""
    slopes = ((seconds[more] - seconds[few]) / (more - few) for few, more in pairwise(seconds))
    return ", ".join(f"{slope * 1000:.0f} ms" for slope in slopes)


def _median(taken: list[Placed]) -> float:
    return statistics.median(one.whole for one in taken)


def _listed(values: Mapping[int, float]) -> str:
    return "; ".join(f"{value:,}" for value in values)


def _seconds(values: Mapping[int, float]) -> str:
    return ", ".join(f"{value:.1f}" for value in values.values())


def _placed(stage: Stage, workloads: int, clusters: int) -> Placed:
    name = f"placed-{workloads}-{clusters}"
    project = stage.home / name
    stage.write_stack(name, placed_stack(project, workloads, clusters))
    command = [sys.executable, "-m", __name__, str(stage.stacks), name, str(project)]
    done = measured(command, stage.root, stage.environment)
    told = json.loads(done.output.splitlines()[-1])
    return Placed(told["whole"], told["steps"], told["documents"])


def main(stacks: Path, name: str, project: Path) -> None:
    """The whole way once, in this process; prints the seconds of its steps.

    They are of the processor, since nothing is waited for: what else runs on the machine is no part of them.
    """
    # As the command does.
    collect_less_often()
    began = time.process_time()
    steps: list[float] = []

    def step() -> None:
        nonlocal began
        steps.append(time.process_time() - began)
        began = time.process_time()

    fleet = load(name, read_stack_file(stacks, name).config, project=project)
    step()
    propagations(fleet)
    step()
    if faults := faults_of_propagations(fleet):
        raise SystemExit(str(faults[0]))
    plan = fleet_plan(fleet)
    step()
    whole = time.process_time()
    placement_of(fleet)
    step()
    told = {"whole": whole, "steps": dict(zip(_STEPS, steps, strict=True)), "documents": sum(map(len, plan.values()))}
    print(json.dumps(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
