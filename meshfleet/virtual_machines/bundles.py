"""The onboarding bundle of a machine: what was asked for is checked, the clusters are read, the files written."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from meshfleet.errors import ClusterError, EngineError, MeshfleetError
from meshfleet.files import file_error, make_directory, read_text, write_file
from meshfleet.manifests import bundle, cloud_init, names, virtual_machines
from meshfleet.redaction.shown import shown
from meshfleet.topology import Fault, Fleet, TopologyError
from meshfleet.topology.addresses import is_ip

if TYPE_CHECKING:
    from lightkube import Client

    from meshfleet.status import Status
    from meshfleet.status.clusters import Cluster

USER_DATA = "user-data.yaml"
ROOT_CONFIG_MAP = "istio-ca-root-cert"


@dataclass(frozen=True)
class Wanted:
    """What was asked for: the machines' name, and texts of options that are empty when left out."""

    name: str
    address: str = ""
    gateway: str = ""
    revision: str = ""
    package: str = ""
    cloud_init: bool = False


@dataclass(frozen=True)
class Made:
    """The content of each file by its name, secret as a whole, and when the token in it ends, as RFC 3339 has it."""

    files: Mapping[str, str] = field(repr=False)
    token_expires: str


def checked(fleet: Fleet, wanted: Wanted) -> str:
    """The machine's own address, empty where it is not said. Raises TopologyError with all that is wrong."""
    declared = fleet.virtual_machines.get(wanted.name)
    if declared is None:
        known = ", ".join(fleet.virtual_machines) or "none"
        raise TopologyError([Fault("NAME", f"no virtual machines are named {shown(wanted.name)}; known are {known}")])
    faults = []
    if wanted.address and not is_ip(wanted.address):
        faults.append(Fault("--address", f"{shown(wanted.address)} is not an IP address"))
    address = str(ip_address(wanted.address)) if wanted.address and not faults else ""
    listed = ", ".join(declared.addresses)
    if declared.addresses and address not in declared.addresses and not faults:
        if wanted.address:
            faults.append(Fault("--address", f"{shown(address)} is none of the addresses of {wanted.name}: {listed}"))
        elif len(declared.addresses) > 1:
            faults.append(Fault("--address", f"missing; {wanted.name} has several, name one of {listed}"))
        else:
            (address,) = declared.addresses
    if wanted.gateway and not is_ip(wanted.gateway):
        faults.append(Fault("--gateway", f"{shown(wanted.gateway)} is not an IP address"))
    if wanted.revision and wanted.revision not in fleet.istio.installed:
        installed = ", ".join(fleet.istio.installed)
        faults.append(Fault("--revision", f"{shown(wanted.revision)} is not installed; installed are {installed}"))
    if wanted.package:
        faults += _package_faults(wanted)
    if faults:
        raise TopologyError(faults)
    return address


def _package_faults(wanted: Wanted) -> list[Fault]:
    if not wanted.cloud_init:
        return [Fault("--package", "goes with --cloud-init; without it you install the package yourself")]
    url = urlsplit(wanted.package)
    if url.scheme != "https" or not url.hostname or not url.path.endswith(cloud_init.PACKAGES):
        return [Fault("--package", f"{shown(wanted.package)} is not the https:// URL of a .deb or .rpm file")]
    return []


def refuse_filled(folder: Path, *, force: bool) -> None:
    """Raise MeshfleetError for a folder that holds something, or is none."""
    if folder.exists() and not folder.is_dir():
        raise MeshfleetError(f"{folder} is not a folder; choose another for --out")
    if not force and folder.is_dir() and any(folder.iterdir()):
        raise MeshfleetError(f"{folder} is not empty; choose another for --out, or write over it with --force")


def make(fleet: Fleet, wanted: Wanted, address: str, status: Status) -> Made:
    """Read what the running clusters know and make the files.

    Raises EngineError when the machines are not up as the stack file has them, ClusterError when their cluster
    refuses, does not respond or lacks something, MeshfleetError when the gateway's name leads nowhere.
    """
    name = wanted.name
    declared = fleet.virtual_machines[name]
    told = next((entry for entry in virtual_machines.described(fleet) if entry["name"] == name), None)
    if told not in [machines.document() for machines in status.virtual_machines]:
        raise EngineError(f"{name} is not up as the stack file has it; run meshfleet up first")
    home = status.cluster(fleet.primary_of(declared.cluster))
    revision = wanted.revision or home.control_plane.revision
    hosting = status.cluster(fleet.hosting(declared.cluster))
    found, port = _gateway(fleet, declared.cluster, hosting)
    gateways = (wanted.gateway,) if wanted.gateway else _addresses(hosting, found)
    account, system = virtual_machines.account(fleet, name), home.control_plane.namespace
    with connected(home) as client:
        mesh = _entry(client, home, system, names.mesh_config_map(revision), "mesh")
        root = _entry(client, home, declared.namespace, ROOT_CONFIG_MAP, "root-cert.pem")
        token, expires = _token(client, home, declared.namespace, account, declared.token_seconds)
    files = bundle.bundle(fleet, name, revision, bundle.Found(mesh, root, gateways, token, port), address)
    if wanted.cloud_init:
        files[USER_DATA] = cloud_init.user_data(files, wanted.package)
    return Made(files, expires)


def write(made: Made, folder: Path) -> list[Path]:
    """Write the files, each readable by its owner only, into a folder that only its owner can enter."""
    paths = []
    try:
        make_directory(folder).chmod(0o700)
        for name, text in made.files.items():
            paths.append(folder / name)
            write_file(paths[-1], text)
    except OSError as error:
        raise file_error(Path(str(error.filename or folder)), error) from error
    return paths


def connected(cluster: Cluster) -> Client:
    """A client for a cluster of the status. Raises ClusterError when its kubeconfig cannot be used."""
    from meshfleet.kube.kubeconfig import connect

    if not cluster.kubeconfig:
        raise ClusterError(f"there is no kubeconfig of {cluster.name}; run meshfleet up")
    text = read_text(Path(cluster.kubeconfig))
    if text is None:
        raise ClusterError(f"the kubeconfig of {cluster.name} is gone; run meshfleet up")
    return connect(text, cluster.context or None)


def _gateway(fleet: Fleet, viewer: str, hosting: Cluster) -> tuple[str, int]:
    """Where machines of a cluster reach the gateway of the one that runs their istiod: address and port of istiod."""
    gateway = hosting.gateway
    if entry := fleet.advertised_to(hosting.name, viewer):
        return entry.address, entry.istiod_port
    return (gateway.address or "", gateway.istiod_port) if gateway else ("", bundle.ISTIOD_PORT)


def _addresses(cluster: Cluster, address: str) -> tuple[str, ...]:
    """The IP addresses at which machines reach the gateway of a cluster, and istiod behind it."""
    if not address:
        raise EngineError(f"{cluster.name} has no east-west gateway, through which machines reach istiod")
    if is_ip(address):
        return (address,)
    try:
        found = socket.getaddrinfo(address, bundle.ISTIOD_PORT, type=socket.SOCK_STREAM)
    except OSError as error:
        raise MeshfleetError(
            f"the gateway of {cluster.name} is {address}, which cannot be resolved here ({error.strerror}); "
            "the file hosts of a machine needs its address, give one with --gateway"
        ) from error
    return tuple(dict.fromkeys(str(place[0]) for *_, place in found))


def _entry(client: Client, cluster: Cluster, namespace: str, name: str, key: str) -> str:
    from lightkube.resources.core_v1 import ConfigMap

    from meshfleet.kube.api_errors import api_errors

    with api_errors(f"{cluster.name}: ConfigMap {namespace}/{name}"):
        data: Mapping[str, str] = client.get(ConfigMap, name, namespace=namespace).data or {}
    if key not in data:
        raise ClusterError(f"{cluster.name}: ConfigMap {namespace}/{name} has no {key}; is its istiod well?")
    return data[key]


def _token(client: Client, cluster: Cluster, namespace: str, account: str, seconds: int) -> tuple[str, str]:
    """A token of a ServiceAccount for istiod's certificate authority, and when it ends."""
    from lightkube.models.authentication_v1 import TokenRequestSpec
    from lightkube.models.meta_v1 import ObjectMeta
    from lightkube.resources.core_v1 import ServiceAccountToken

    from meshfleet.kube.api_errors import api_errors

    asked = TokenRequestSpec(audiences=[bundle.AUDIENCE], expirationSeconds=seconds)
    request = ServiceAccountToken(metadata=ObjectMeta(), spec=asked)
    with api_errors(f"{cluster.name}: a token of ServiceAccount {namespace}/{account}"):
        granted = client.create(request, account, namespace=namespace).status
    if granted is None or not granted.token or not isinstance(granted.expirationTimestamp, datetime):
        raise ClusterError(f"{cluster.name} grants no token of ServiceAccount {namespace}/{account}")
    return granted.token, granted.expirationTimestamp.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
