"""An onboarding bundle as it lies in a folder: its files, and what they say of the machine they are for."""

from __future__ import annotations

import base64
import binascii
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from meshfleet.errors import EmbeddedError
from meshfleet.files import read_text
from meshfleet.files.json_text import parse_json
from meshfleet.manifests.bundle import CLUSTER_ENV, FILES, HOSTS, ISTIOD_PORT, ROOT_CERTIFICATE, TOKEN

_ADVICE: Final = "create a bundle with meshfleet vm bundle"
_LIMIT: Final = 1 << 20
"""Bytes of each file; the largest holds some certificates."""
# What Istio's agent and its start script read (sidecar.env and pkg/bootstrap of istio/istio), and no variable that
# tells a program where to find its parts.
_SETTING: Final = re.compile(
    r"(?:ISTIO|CANONICAL|PILOT|PROXY|XDS|CA|SECRET|CLUSTER|ENVOY|OUTPUT|PROV|FILE_MOUNTED)_[A-Z0-9_]+"
    r"|ISTIO_METAJSON_[A-Za-z0-9_.-]+|ISTIO_META_[A-Za-z0-9_.-]+"
    r"|POD_NAMESPACE|POD_NAME|SERVICE_ACCOUNT|TRUST_DOMAIN|INSTANCE_IP|CREDENTIAL_FETCHER_TYPE|CREDENTIAL_IDENTITY_PROVIDER"
    r"|BOOTSTRAP_XDS_AGENT|DISABLE_ENVOY|ENABLE_[A-Z0-9_]+|EXIT_ON_ZERO_ACTIVE_CONNECTIONS|MINIMUM_DRAIN_DURATION"
    r"|TERMINATION_DRAIN_DURATION_SECONDS|DNS_AGENT|DNS_PROXY_ADDR|JWT_POLICY|ECC_[A-Z0-9_]+|WORKLOAD_[A-Z0-9_]+"
)


@dataclass(frozen=True)
class Bundle:
    """The content of each file by its name, secret as a whole, and the variables of cluster.env."""

    files: Mapping[str, str] = field(repr=False)
    variables: Mapping[str, str]

    @property
    def cluster(self) -> str:
        """The cluster whose control plane it leads to."""
        return self.variables.get("ISTIO_META_CLUSTER_ID", "")

    @property
    def network(self) -> str:
        """The network that the machine is said to be on; empty in a mesh of one."""
        return self.variables.get("ISTIO_META_NETWORK", "")

    @property
    def namespace(self) -> str:
        """The namespace that the machine is of."""
        return self.variables.get("ISTIO_NAMESPACE", "")

    @property
    def account(self) -> str:
        """The ServiceAccount that is its identity."""
        return self.variables.get("SERVICE_ACCOUNT", "")

    @property
    def workload(self) -> str:
        """The name of its workload, and of its group where it has one."""
        return self.variables.get("ISTIO_META_WORKLOAD_NAME", "")

    @property
    def address(self) -> str:
        """Its own address, where the bundle says one."""
        return self.variables.get("ISTIO_SVC_IP", "")

    @property
    def root_certificate(self) -> str:
        """The roots by which it knows its istiod."""
        return self.files[ROOT_CERTIFICATE]

    @property
    def istiod(self) -> tuple[str, str]:
        """The address of the gateway, and the name that istiod is asked for by. Raises EmbeddedError."""
        for line in self.files[HOSTS].splitlines():
            words = line.split()
            if len(words) >= 2 and words[0] != "127.0.0.1":
                return words[0], words[1]
        raise EmbeddedError(f"the file {HOSTS} of the bundle names no gateway; {_ADVICE}")

    @property
    def istiod_port(self) -> int:
        """The port of the gateway that leads to istiod."""
        port = self.variables.get("CA_ADDR", "").rpartition(":")[2]
        return int(port) if port.isascii() and port.isdigit() and int(port) < 1 << 16 else ISTIOD_PORT

    def token_ends(self) -> datetime:
        """When its token ends. Raises EmbeddedError when it is no token of Kubernetes."""
        try:
            payload = self.files[TOKEN].split(".")[1]
            claims: dict[str, Any] = parse_json(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
            return datetime.fromtimestamp(float(claims["exp"]), UTC)
        except (IndexError, KeyError, TypeError, ValueError, binascii.Error):
            # Never with the text of it: it may be a token all the same.
            raise EmbeddedError(f"the file {TOKEN} of the bundle contains no Kubernetes token; {_ADVICE}") from None


def read_bundle(folder: Path) -> Bundle:
    """The bundle in a folder. Raises EmbeddedError for one that lacks a file or cannot be read."""
    files = {}
    for name in FILES:
        text = read_text(folder / name, limit=_LIMIT)
        if text is None:
            raise EmbeddedError(f"{folder / name}: there is none, so this is no bundle; {_ADVICE}")
        files[name] = text
    return bundle_of(files)


def bundle_of(files: Mapping[str, str]) -> Bundle:
    """The bundle of these files.

    Raises EmbeddedError for one that is missing, and when cluster.env is not what a shell reads, or sets others.
    """
    if missing := [name for name in FILES if name not in files]:
        raise EmbeddedError(f"the bundle has no {', '.join(missing)}; {_ADVICE}")
    try:
        lines = [line.partition("=") for line in files[CLUSTER_ENV].splitlines() if line.strip()]
        variables = {name: "".join(shlex.split(value)) for name, _, value in lines}
    except ValueError as error:
        raise EmbeddedError(f"the file {CLUSTER_ENV} of the bundle is damaged ({error}); {_ADVICE}") from error
    for name in variables:
        if not _SETTING.fullmatch(name):
            raise EmbeddedError(
                f"the file {CLUSTER_ENV} of the bundle sets {name[:80]!r}, which is no setting of Istio's sidecar; "
                f"{_ADVICE}"
            )
    return Bundle({name: files[name] for name in FILES}, variables)
