"""Before `destroy`: import or remove what an interrupted run created in existing clusters without recording it.

Embedded clusters are removed as a whole. In an existing cluster, an object with a pending create operation is added to
the state, from which `destroy` removes it; a release that is labeled for this cluster of this fleet and missing in the
state is uninstalled. Nothing else is changed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from meshfleet.automation.pending_objects import created_of, pending_in, with_recorded
from meshfleet.automation.reporting.output import print_line
from meshfleet.automation.state.recorded_state import Resource, existing_clusters_of
from meshfleet.automation.unfinished_releases import known
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


def settle_pending(engine: Engine, fleet: str, skipped: Collection[str]) -> None:
    """Do so in every recorded existing cluster that responds, except `skipped` ones; report the others."""
    deployment = engine.recorded()
    names = [name for name in existing_clusters_of(deployment) if name not in skipped]
    found: list[Resource] = []
    for name, (kubeconfig, context) in engine.recorded_access(names).items():
        begun = list(pending_in(deployment, name))
        try:
            found += created_of(kubeconfig, context, begun)
            _uninstall_unknown(
                engine.environment.tools / "helm",
                (fleet, name),
                (kubeconfig, context),
                known(deployment, name, interrupted=True),
            )
        except MeshfleetError as error:
            print_line(f"{name}: cannot clean up after the interrupted run: {error}")
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
        # Reverse order, since all other releases depend on Istio's base.
        for namespace, release in unknown:
            _uninstall(helm, kubeconfig, namespace, release)
            print_line(f"{cluster}: uninstalled release {namespace}/{release} of an interrupted run")


def unrecorded(server: Server, fleet: str, cluster: str, state: Known) -> Iterator[tuple[str, str]]:
    """Namespace and name of each release of this fleet that is missing in the state. Raises ClusterError."""
    from meshfleet.kube.releases.owner import Owner
    from meshfleet.kube.releases.stored import newest, read, revisions

    for name, revision in newest(revisions(server)).items():
        if name in state.recorded:
            continue
        try:
            record = read(server, revision)
        except ReleaseError:
            # Damaged, so its owner is unknown.
            continue
        if record is not None and Owner(fleet, cluster).owns(record, state.urns):
            yield name


def _uninstall(helm: Path, kubeconfig: Path, namespace: str, release: str) -> None:
    command = [str(helm), "uninstall", release, "--namespace", namespace, "--ignore-not-found", "--wait"]
    ended = run_bounded([*command, "--kubeconfig", str(kubeconfig)], seconds=_SECONDS, environment=client_environment())
    if ended.code != 0:
        output = " ".join(ended.err.split())[-_LINE:]
        raise ReleaseError(
            f"helm uninstall of release {namespace}/{release} failed: {output}; run the same command again"
        )
