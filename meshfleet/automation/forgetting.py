"""`--forget`: drop permanently lost clusters from the state and from this machine, without connecting to them.

The following run of the engine removes them from other clusters (above all their remote secrets). Until it completes, a
file records the clusters, so that the next command resumes after an interruption.
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterable, Sequence
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING

from meshfleet.automation.checkout import Checkout
from meshfleet.automation.reporting.output import print_line
from meshfleet.automation.state.recorded_state import (
    Deployment,
    belonging_to,
    clusters_of,
    without,
    without_description,
)
from meshfleet.errors import NewerFileError
from meshfleet.files import make_directory, read_record, remove_file, write_file
from meshfleet.files.json_text import parse_json
from meshfleet.redaction.shown import shown
from meshfleet.topology import Fault

if TYPE_CHECKING:
    from meshfleet.automation.engine.engine import Engine

OPTION = "--forget"
VERSION = 1


def interrupted(checkout: Checkout, stack: str) -> tuple[str, ...]:
    """The clusters that an interrupted command was dropping. Raises FileError."""
    return read_record(_note(checkout, stack), _parse, f"remove that file and repeat {OPTION}") or ()


def _parse(text: str) -> tuple[str, ...]:
    content = parse_json(text)
    # Earlier versions wrote a list.
    if isinstance(content, dict) and int(content["version"]) > VERSION:
        raise NewerFileError(f"version {content['version']}, supported is {VERSION}")
    names = content["clusters"] if isinstance(content, dict) else content
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise TypeError("not a list of names")
    return tuple(names)


def faults(names: Iterable[str], declared: Collection[str], known: Collection[str]) -> list[Fault]:
    """The faults of `names`: clusters that are still declared, and unknown clusters."""
    found = []
    for name in names:
        if name in declared:
            found.append(
                Fault(
                    OPTION,
                    f"{shown(name)} is in the stack file; remove it from `clusters` there, then repeat {OPTION}",
                )
            )
        elif name not in known:
            listed = ", ".join(sorted(known)) or "none"
            found.append(Fault(OPTION, f"no cluster of this stack is named {shown(name)}; known are {listed}"))
    return found


def advice(clusters: Sequence[str], how: str) -> str:
    """An additional line of an error for each cluster that does not respond; `how` is the command to run."""
    return "".join(f"\nif {name} is permanently lost: {how} {OPTION} {name}" for name in clusters)


def known_to(checkout: Checkout, stack: str, recorded: Deployment) -> frozenset[str]:
    """The clusters that can be dropped: all recorded clusters, and those of an interrupted command."""
    return frozenset({*clusters_of(recorded), *interrupted(checkout, stack)})


def forget(checkout: Checkout, engine: Engine, names: Sequence[str], *, quiet: bool) -> dict[str, int]:
    """Drop clusters from the state, then remove their processes and files; the number of dropped resources by cluster.

    Requires the lock of the stack. Call `done` after the run that removes them from the other clusters.
    Raises `EngineError`, `ProcessError`, `EmbeddedError`.
    """
    if not names:
        return {}
    # Most runs drop nothing, and start faster without the import.
    from meshfleet.dataplane.sweep import sweep_cluster

    stack = engine.file.stack
    # Before the state is changed, which then no longer has them.
    make_directory(checkout.fleet(stack))
    write_file(_note(checkout, stack), json.dumps({"version": VERSION, "clusters": sorted(names)}) + "\n")
    start = time.monotonic()
    recorded = engine.recorded()
    theirs = {name: belonging_to(recorded, name) for name in names}
    if any(theirs.values()):
        engine.rewrite(lambda deployment: _forgotten(deployment, names))
    for name in names:
        _report(name, f"{len(theirs[name])} resources dropped from the state", start, quiet=quiet)
    for name in names:
        start = time.monotonic()
        sweep_cluster(stack, name, checkout.home)
        remove_file(checkout.kubeconfig(stack, name))
        _report(name, "processes and files removed", start, quiet=quiet)
    return {name: len(theirs[name]) for name in names}


def done(checkout: Checkout, stack: str) -> None:
    """Record that the clusters are dropped everywhere."""
    remove_file(_note(checkout, stack))


def _forgotten(deployment: Deployment, names: Sequence[str]) -> Deployment:
    urns: frozenset[str] = reduce(frozenset.union, (belonging_to(deployment, name) for name in names), frozenset())
    return without_description(without(deployment, urns), names)


def _note(checkout: Checkout, stack: str) -> Path:
    return checkout.fleet(stack) / "forgetting.json"


def _report(cluster: str, what: str, start: float, *, quiet: bool) -> None:
    if not quiet:
        print_line(f"{cluster}  cluster  {what} ({time.monotonic() - start:.1f} s)")
