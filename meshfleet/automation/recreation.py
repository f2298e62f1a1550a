"""Clusters that are other ones in the place of those recorded: what was recorded of them is dropped, and made again.

The engine by itself would first delete the old objects, in the new cluster and by their names; nothing of the stack is
in it yet, and what has those names there is not the stack's.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING

from meshfleet.automation.reporting.output import say
from meshfleet.automation.state.recorded_state import Deployment, inside, without, without_description

if TYPE_CHECKING:
    from meshfleet.automation.engine.engine import Engine


def without_clusters(deployment: Deployment, names: Collection[str]) -> Deployment:
    """The state without all that was in these clusters, as if they had never been in the stack."""
    gone: frozenset[str] = reduce(frozenset.union, (inside(deployment, name) for name in names), frozenset())
    return without_description(without(deployment, gone), names)


def drop(engine: Engine, sentences: Mapping[str, str], home: Path) -> None:
    """Say why and drop these clusters from the state, and what served them on this machine; only with the stack held.

    The next run creates everything again. Raises `EngineError`, `ProcessError`, `EmbeddedError`.
    """
    if not sentences:
        return
    from meshfleet.dataplane.sweep import sweep_cluster

    for sentence in sentences.values():
        say(sentence)
    engine.rewrite(lambda deployment: without_clusters(deployment, sentences))
    for name in sentences:
        # Their istiods hold keys of the old cluster; the reservations of ports and addresses went with the state.
        sweep_cluster(engine.file.stack, name, home)


@contextmanager
def preview_engine(engine: Engine, names: Collection[str]) -> Iterator[Engine]:
    """The engine for a preview: on a copy of the state without these clusters, which `up` would drop; else itself."""
    if not names:
        yield engine
        return
    with engine.supposing(lambda deployment: without_clusters(deployment, names)) as copy:
        yield copy
