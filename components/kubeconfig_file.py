"""The kubeconfig files that users name: one context of each, made self-contained. Knows nothing of Pulumi.

Source: https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from meshfleet.components.certificate_authorities import authority_faults
from meshfleet.components.portal_files import portal_file_faults
from meshfleet.errors import FileError
from meshfleet.files import read_text
from meshfleet.files.bounded_yaml import LIMIT
from meshfleet.kube.access import KubeconfigError, read_access
from meshfleet.providers.base import NamedContext
from meshfleet.topology import Fault, Fleet, TopologyError
from meshfleet.topology.discovery import is_loopback
from meshfleet.workspace.project_folder import project_folder

KARMADA: Final = "federation.karmada"
"""What the kubeconfig of Karmada's API server is called, which no cluster is."""


@dataclass(frozen=True)
class KubeconfigFile:
    """`content` is a kubeconfig with this one context and no certificate by path (secret); `server` is its URL."""

    content: str
    server: str

    @property
    def on_this_machine(self) -> bool:
        """Whether only this machine can reach the API server under its URL."""
        return is_loopback(self.server)


def kubeconfig_files(topology: Fleet) -> dict[str, KubeconfigFile]:
    """The kubeconfig of every cluster whose user names one, and that of a Karmada that is there as `KARMADA`.

    Raises `TopologyError` with all faults at once.
    """
    files: dict[str, KubeconfigFile] = {}
    faults: list[Fault] = []
    for name, cluster in topology.clusters.items():
        if named := cluster.capabilities.context:
            try:
                files[name] = read_kubeconfig(name, named)
            except TopologyError as error:
                faults += error.faults
    faults += _unreachable_for_istiods(topology, files)
    declared = topology.federation.karmada
    if declared and declared.kubeconfig and declared.context:
        try:
            files[KARMADA] = read_context(KARMADA, declared.kubeconfig, declared.context)
        except TopologyError as error:
            faults += error.faults
    if declared and declared.chart:
        faults += _unreachable_for_karmada(topology, files)
    faults += authority_faults(topology)
    faults += portal_file_faults(topology)
    if faults:
        raise TopologyError(faults)
    return files


def _unreachable_for_istiods(topology: Fleet, files: Mapping[str, KubeconfigFile]) -> list[Fault]:
    """Loopback addresses are of use only while every istiod that reads the cluster runs on this machine (#31081)."""
    return [
        Fault(
            f"clusters.{name}.{topology.clusters[name].provider}.kubeconfig",
            f"its server {file.server} is an address of this machine, which the istiod of {', '.join(far)} cannot "
            f"reach; name one that it reaches as clusters.{name}.discovery.server, or give a kubeconfig with one",
        )
        for name, file in files.items()
        if file.on_this_machine
        and not topology.clusters[name].discovery.server
        and (far := [reader for reader in _readers(topology, name) if not _on_this_machine(topology, reader)])
    ]


def _unreachable_for_karmada(topology: Fleet, files: Mapping[str, KubeconfigFile]) -> list[Fault]:
    """The pods of Karmada reach no address of this machine."""
    return [
        Fault(
            f"clusters.{name}.{topology.clusters[name].provider}.kubeconfig",
            f"its server {file.server} is an address of this machine, which the pods of Karmada cannot reach; name one "
            f"that they reach as clusters.{name}.discovery.server, or give a kubeconfig with one",
        )
        for name, file in files.items()
        if file.on_this_machine and not topology.clusters[name].discovery.server
    ]


def _readers(topology: Fleet, cluster: str) -> tuple[str, ...]:
    """The clusters whose istiods reach this one from elsewhere: those of its mesh, and its own when it is external."""
    hosted_elsewhere = topology.is_primary(cluster) and topology.hosting(cluster) != cluster
    return (*topology.readers_of(cluster), *([cluster] if hosted_elsewhere else []))


def _on_this_machine(topology: Fleet, primary: str) -> bool:
    """Whether the istiod that carries the name of `primary` is a process here."""
    return topology.clusters[topology.hosting(primary)].capabilities.istiod_runtime == "process"


def read_kubeconfig(cluster: str, named: NamedContext) -> KubeconfigFile:
    """The context a cluster names. Raises `TopologyError` with the path of the field that is wrong.

    A field that not every client heeds is refused by name (see `meshfleet.kube.fields`).
    """
    return read_context(f"clusters.{cluster}.{named.field}", named.kubeconfig, named.context)


def read_context(field: str, kubeconfig: str, context: str) -> KubeconfigFile:
    """A context of a kubeconfig that `field` of the stack file names. Raises `TopologyError` with what is wrong."""
    # As Pulumi has it: a relative path begins at the project, wherever the command runs.
    path = project_folder().root / Path(kubeconfig).expanduser()
    try:
        text = read_text(path, limit=LIMIT, follow=True)
    except FileError as error:
        raise TopologyError([Fault(f"{field}.kubeconfig", str(error))]) from error
    if text is None:
        raise TopologyError([Fault(f"{field}.kubeconfig", f"there is no file {kubeconfig}")])
    try:
        access = read_access(text, context, path.absolute().parent)
    except KubeconfigError as error:
        place = f"{field}.context" if error.context_missing else f"{field}.kubeconfig"
        raise TopologyError([Fault(place, f"{kubeconfig}: {fault}") for fault in error.faults]) from error
    if not access.server.startswith("https://"):
        message = f"the context {context!r} leads to no https:// server (found {access.server!r})"
        raise TopologyError([Fault(f"{field}.context", message)])
    return KubeconfigFile(access.text, access.server)
