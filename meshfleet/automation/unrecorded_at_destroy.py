"""What a killed run made in existing clusters and could not record, removed with the stack.

A cluster that is the stack's own goes as a whole. In an existing one an object that was being created becomes part of
the state, from which `destroy` removes it; a release that is marked as this cluster's of this fleet, and that the state
does not have, is uninstalled. Nothing else is touched.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from meshfleet.automation.reporting.output import say
from meshfleet.automation.state.recorded_state import Resource, existing_clusters_of
from meshfleet.automation.unfinished_releases import known
from meshfleet.automation.unrecorded_objects import begun_in, made_of, with_recorded
from meshfleet.errors import MeshfleetError, ReleaseError
from meshfleet.files import write_file
from meshfleet.processes.bounded_run import run_bounded
from meshfleet.processes.child_environment import client_environment

if TYPE_CHECKING:
    from meshfleet.automation.engine.engine import Engine
    from meshfleet.kube.releases.server import Server
    from meshfleet.kube.releases.settling import Known

_SECONDS: Final = 300.0
_LINE: Final = 300


def settle_existing(engine: Engine, fleet: str, skipped: Collection[str]) -> None:
    """Do so in every recorded existing cluster that answers, but for `skipped` ones; the others are named."""
    deployment = engine.recorded()
    names = [name for name in existing_clusters_of(deployment) if name not in skipped]
    found: list[Resource] = []
    for name, (kubeconfig, context) in engine.recorded_access(names).items():
        begun = list(begun_in(deployment, name))
        try:
            found += made_of(kubeconfig, context, begun)
            _uninstall_unknown(
                engine.environment.tools / "helm",
                (fleet, name),
                (kubeconfig, context),
                known(deployment, name, interrupted=True),
            )
        except MeshfleetError as error:
            say(f"{name}: what an interrupted run made there is not looked at: {error}")
    if found:
        engine.rewrite(lambda before: with_recorded(before, found))


def _uninstall_unknown(helm: Path, owner: tuple[str, str], access: tuple[str, str | None], state: Known) -> None:
    from meshfleet.kube.access import read_access
    from meshfleet.kube.releases.server import connected

    fleet, cluster = owner
    with connected(*access) as server:
        unknown = sorted(unrecorded(server, fleet, cluster, state), reverse=True)
    if not unknown:
        return
    with tempfile.TemporaryDirectory(prefix="meshfleet-") as folder:
        kubeconfig = Path(folder) / "kubeconfig"
        write_file(kubeconfig, read_access(*access).text)
        # Istio's base is needed by all others, and comes last in this order.
        for namespace, release in unknown:
            _uninstall(helm, kubeconfig, namespace, release)
            say(f"{cluster}: release {namespace}/{release}, which an interrupted run made, is uninstalled")


def unrecorded(server: Server, fleet: str, cluster: str, state: Known) -> Iterator[tuple[str, str]]:
    """Namespace and name of each release that is ours and that the state does not have. Raises ClusterError."""
    from meshfleet.kube.releases.owner import Owner
    from meshfleet.kube.releases.stored import newest, read, revisions

    for name, revision in newest(revisions(server)).items():
        if name in state.recorded:
            continue
        try:
            record = read(server, revision)
        except ReleaseError:
            # Damaged, so nothing tells whose it is.
            continue
        if record is not None and Owner(fleet, cluster).owns(record, state.urns):
            yield name


def _uninstall(helm: Path, kubeconfig: Path, namespace: str, release: str) -> None:
    command = [str(helm), "uninstall", release, "--namespace", namespace, "--ignore-not-found", "--wait"]
    ended = run_bounded([*command, "--kubeconfig", str(kubeconfig)], seconds=_SECONDS, environment=client_environment())
    if ended.code != 0:
        said = " ".join(ended.err.split())[-_LINE:]
        raise ReleaseError(
            f"helm uninstall of release {namespace}/{release} failed: {said}; run the same command again"
        )
