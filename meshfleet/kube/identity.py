"""What tells one cluster from every other one, read from the cluster itself.

The UID of the namespace `kube-system` is made with a cluster's data, outlives certificates, addresses and upgrades,
and no other cluster has it: https://opentelemetry.io/docs/specs/semconv/resource/k8s/#cluster
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from pathlib import Path
from typing import Final

from meshfleet.errors import ClusterError
from meshfleet.files import file_error, read_bytes
from meshfleet.files.json_text import parse_json
from meshfleet.kube.api_errors import api_errors
from meshfleet.kube.decoders import prepare_decoders
from meshfleet.kube.loading import load_lightkube

SUBJECT: Final = "kube-system"
# One small object; every command waits for it.
SECONDS: Final = 5.0
_AUTHORITY: Final = ("pki", "ca.crt")


def read_identity(kubeconfig: str, context: str | None = None) -> str:
    """The identity of the cluster that a kubeconfig leads to now: one request.

    Raises UnreachableError, RefusedError (it needs `get` on that namespace) and ClusterError.
    """
    # Several plugins' requests may be the first to need it, each in a thread of its own.
    load_lightkube()
    from lightkube.resources.core_v1 import Namespace

    from meshfleet.kube.client import connect

    with connect(kubeconfig, context, seconds=SECONDS) as client, api_errors(f"namespace {SUBJECT}"):
        metadata = client.get(Namespace, SUBJECT).metadata
    if metadata is None or not metadata.uid:
        raise ClusterError(f"namespace {SUBJECT}: no metadata.uid in the response; is this a Kubernetes API server?")
    return str(metadata.uid)


def prepare_reading() -> None:
    """Import what `read_identity` needs. Once, in the main thread, before it is called in others.

    Two threads that import packages which import each other may see one of them half done.
    """
    from importlib import import_module

    load_lightkube()
    for module in ("asyncio", "meshfleet.kube.client", "lightkube.resources.core_v1"):
        import_module(module)
    prepare_decoders()


def identity_of_authority(certificate: bytes) -> str:
    """The identity of an embedded cluster: from the certificate (PEM) of its own authority, made with the cluster."""
    return hashlib.sha256(certificate).hexdigest()[:16]


def identity_in_folder(directory: Path) -> str | None:
    """The identity of the embedded cluster in a folder; None when there is none. Raises FileError.

    A folder that was moved here holds the cluster under its own name.
    """
    clusters = directory / "kwok" / "clusters"
    for name in dict.fromkeys([directory.name, *_names(clusters)]):
        if (certificate := read_bytes(clusters.joinpath(name, *_AUTHORITY))) is not None:
            return identity_of_authority(certificate)
    return None


def identity_of_embedded(kubeconfig: str) -> str | None:
    """The identity that the cluster of a JSON kubeconfig has if it is an embedded one; None without an authority."""
    try:
        authority = parse_json(kubeconfig)["clusters"][0]["cluster"]["certificate-authority-data"]
        return identity_of_authority(base64.b64decode(authority, validate=True))
    except (ValueError, KeyError, IndexError, TypeError, binascii.Error):
        return None


def _names(directory: Path) -> list[str]:
    try:
        return sorted(path.name for path in directory.iterdir() if path.is_dir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise file_error(directory, error) from error
