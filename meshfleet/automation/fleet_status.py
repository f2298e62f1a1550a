"""The status of a running fleet: the stack outputs, with each kubeconfig in a separate file."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from meshfleet.automation.checkout import Checkout
from meshfleet.automation.current_kubeconfigs import current_kubeconfigs, same_server
from meshfleet.automation.state.local_state import made_here, settle_state
from meshfleet.errors import EngineError, FileError
from meshfleet.files import make_directory, read_text, remove_file, write_file
from meshfleet.topology import Fleet

if TYPE_CHECKING:
    from meshfleet.automation.engine.engine import Engine
    from meshfleet.status import Status


def fleet_status(checkout: Checkout, engine: Engine, topology: Fleet | None = None) -> Status:
    """The status of a running fleet; writes the kubeconfigs, accessible by their owner only.

    For an existing cluster the current kubeconfig of the stack file is used, as credentials may have been rotated.
    Raises `EngineError` when the stack is not deployed, `VerificationError` when its status cannot be read.
    """
    # Importing it builds pydantic models, which commands on the stack file do not need.
    from meshfleet.status import read_status

    outputs = engine.outputs() if engine.exists() else {}
    if not outputs and made_here(checkout, engine.file.stack) and engine.environment.local_backend:
        settle_state(checkout, engine.file.stack, restore=False)
    if not isinstance(outputs.get("fleet"), dict):
        raise EngineError(
            f"the stack {engine.file.stack} is not deployed; run meshfleet up --stack {engine.file.stack}"
        )
    status = read_status(outputs["fleet"])
    contents = outputs.get("kubeconfigs")
    present = current_kubeconfigs(topology) if topology else {}
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
    """Remove the kubeconfigs of clusters that are no longer part of the stack."""
    kept = {checkout.kubeconfig(stack, cluster) for cluster in clusters}
    for path in checkout.kubeconfigs(stack).glob("*.yaml"):
        if path not in kept:
            remove_file(path)


def _content(path: Path) -> str | None:
    try:
        return read_text(path)
    except FileError:
        # Damaged or not a file: it is written again.
        return None
