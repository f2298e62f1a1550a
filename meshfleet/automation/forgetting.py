"""Forget clusters that are gone for good: out of the recorded state and off this machine, without asking them.

What others know of them (their remote secrets above all) is the engine's business in the run that follows. Until that
has ended a note says which clusters are meant; so whoever comes after a killed command goes on from there.
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterable, Sequence
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING

from meshfleet.automation.checkout import Checkout
from meshfleet.automation.reporting.output import say
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
    """The clusters that a command was to forget and has not come to the end of. Raises FileError."""
    return (
        read_record(_note(checkout, stack), _parse, f"remove that file and say again what to forget, with {OPTION}")
        or ()
    )


def _parse(text: str) -> tuple[str, ...]:
    content = parse_json(text)
    # Earlier versions wrote a list.
    if isinstance(content, dict) and int(content["version"]) > VERSION:
        raise NewerFileError(f"version {content['version']}, this one knows {VERSION}")
    names = content["clusters"] if isinstance(content, dict) else content
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise TypeError("no list of names")
    return tuple(names)


def faults(names: Iterable[str], declared: Collection[str], known: Collection[str]) -> list[Fault]:
    """What is wrong with forgetting `names`: those that are declared still, and those that nobody ever knew."""
    found = []
    for name in names:
        if name in declared:
            found.append(
                Fault(OPTION, f"{shown(name)} is in the stack file; take it out of `clusters` there, then forget it")
            )
        elif name not in known:
            listed = ", ".join(sorted(known)) or "none"
            found.append(Fault(OPTION, f"no cluster of this stack is named {shown(name)}; known are {listed}"))
    return found


def advice(clusters: Sequence[str], how: str) -> str:
    """A line more for an error, when there are clusters that do not answer; `how` is the command for one."""
    return "".join(f"\nif {name} is gone for good: {how} {OPTION} {name}" for name in clusters)


def known_to(checkout: Checkout, stack: str, recorded: Deployment) -> frozenset[str]:
    """The clusters that can be forgotten: all that are recorded, and those whose forgetting was interrupted."""
    return frozenset({*clusters_of(recorded), *interrupted(checkout, stack)})


def forget(checkout: Checkout, engine: Engine, names: Sequence[str], *, quiet: bool) -> dict[str, int]:
    """Take clusters out of the state, then remove what is left of them here; how many resources of each were known.

    Only while the stack is held. `done` is to follow once the run has ended that makes the others forget them, too.
    Raises `EngineError`, `ProcessError`, `EmbeddedError`.
    """
    if not names:
        return {}
    # Most runs have nothing to forget, and start sooner without it.
    from meshfleet.dataplane.sweep import sweep_cluster

    stack = engine.file.stack
    # Before the state, which knows them no more afterwards.
    make_directory(checkout.fleet(stack))
    write_file(_note(checkout, stack), json.dumps({"version": VERSION, "clusters": sorted(names)}) + "\n")
    start = time.monotonic()
    recorded = engine.recorded()
    theirs = {name: belonging_to(recorded, name) for name in names}
    if any(theirs.values()):
        engine.rewrite(lambda deployment: _forgotten(deployment, names))
    for name in names:
        _tell(name, f"{len(theirs[name])} resources forgotten", start, quiet=quiet)
    for name in names:
        start = time.monotonic()
        sweep_cluster(stack, name, checkout.home)
        remove_file(checkout.kubeconfig(stack, name))
        _tell(name, "processes and files removed", start, quiet=quiet)
    return {name: len(theirs[name]) for name in names}


def done(checkout: Checkout, stack: str) -> None:
    """Nobody knows the forgotten clusters any more."""
    remove_file(_note(checkout, stack))


def _forgotten(deployment: Deployment, names: Sequence[str]) -> Deployment:
    urns: frozenset[str] = reduce(frozenset.union, (belonging_to(deployment, name) for name in names), frozenset())
    return without_description(without(deployment, urns), names)


def _note(checkout: Checkout, stack: str) -> Path:
    return checkout.fleet(stack) / "forgetting.json"


def _tell(cluster: str, what: str, start: float, *, quiet: bool) -> None:
    if not quiet:
        say(f"{cluster}  cluster  {what} ({time.monotonic() - start:.1f} s)")
