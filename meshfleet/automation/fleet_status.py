"""What is known of a running fleet: the stack's exports, with each kubeconfig in a file of its own."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from meshfleet.automation.checkout import Checkout
from meshfleet.automation.living_kubeconfigs import living, same_server
from meshfleet.automation.state.local_state import made_here, settle_state
from meshfleet.errors import EngineError, FileError
from meshfleet.files import make_directory, read_text, remove_file, write_file
from meshfleet.topology import Fleet

if TYPE_CHECKING:
    from meshfleet.automation.engine.engine import Engine
    from meshfleet.status import Status


def fleet_status(checkout: Checkout, engine: Engine, topology: Fleet | None = None) -> Status:
    """The status of a running fleet; writes the kubeconfigs, readable by their owner only.

    That of an existing cluster is what the stack file's kubeconfig gives now; its credentials may have been rotated.
    Raises `EngineError` when the stack has not been brought up, `VerificationError` when its status cannot be read.
    """
    # Its models are made when it is imported, and commands on the stack file alone need none.
    from meshfleet.status import read_status

    outputs = engine.outputs() if engine.exists() else {}
    if not outputs and made_here(checkout, engine.file.stack) and engine.environment.local_backend:
        settle_state(checkout, engine.file.stack, restore=False)
    if not isinstance(outputs.get("fleet"), dict):
        raise EngineError(f"the stack {engine.file.stack} is not up; run meshfleet up --stack {engine.file.stack}")
    status = read_status(outputs["fleet"])
    contents = outputs.get("kubeconfigs")
    present = living(topology) if topology else {}
    clusters = []
    for cluster in status.clusters:
        content = contents.get(cluster.name) if isinstance(contents, dict) else None
        found: dict[str, str | None] = {"kubeconfig": None}
        if content and (new := present.get(cluster.name)) and same_server(content, new.content):
            content = new.content
            found["context"] = new.context
        if content:
            path = checkout.kubeconfig(engine.file.stack, cluster.name)
            if _content(path) != content:
                make_directory(path.parent)
                write_file(path, content)
            found["kubeconfig"] = str(path)
        clusters.append(cluster.model_copy(update=found))
    drop_kubeconfigs(checkout, engine.file.stack, [cluster.name for cluster in clusters])
    return status.model_copy(update={"clusters": tuple(clusters)})


def drop_kubeconfigs(checkout: Checkout, stack: str, clusters: Collection[str]) -> None:
    """Remove the kubeconfigs of all clusters but these: they lead to a cluster that the stack has no more."""
    kept = {checkout.kubeconfig(stack, cluster) for cluster in clusters}
    for path in checkout.kubeconfigs(stack).glob("*.yaml"):
        if path not in kept:
            remove_file(path)


def _content(path: Path) -> str | None:
    try:
        return read_text(path)
    except FileError:
        # Damaged, or something else stands there: it is written again.
        return None
