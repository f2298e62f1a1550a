"""The istiod of the cluster west, given one authority after another as `up` does."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil
from cryptography import x509

from meshfleet.manifests.control_plane import istiod_settings
from meshfleet.plugins.meshfleet.certificates import (
    Authority,
    IntermediateSpec,
    RootSpec,
    create_intermediate,
    create_root,
)
from meshfleet.plugins.meshfleet.handler import Properties
from meshfleet.plugins.meshfleet.istiod import IstiodHandler
from meshfleet.processes.waiting import NotYetError
from meshfleet.workspace import fleet_processes as processes
from meshfleet.workspace.home import Workspace
from tests.plugins.meshfleet.conftest import FLEET, MeshCluster

IDENTIFIER = f"{FLEET}/west/default"
SPEC = IntermediateSpec("west", "Istio", "ecdsa-p256", 730, "istio-system")


@contextmanager
def istiod_of_west(cluster: MeshCluster) -> Iterator[West]:
    """The istiod with the settings of every mesh, not started yet; it is removed at the end."""
    handler = IstiodHandler()
    checked, faults = handler.check(cluster.istiod | {"settings": istiod_settings()})
    assert not faults
    yield West(cluster, handler, checked)
    handler.delete(IDENTIFIER, checked, {}, 0)


def new_root(name: str) -> Authority:
    return create_root(RootSpec(f"Root CA {name} of mesh1", "Istio", "ecdsa-p256", 3650), datetime.now(UTC))


@dataclass
class West:
    """The istiod of west, with whatever authority it is given."""

    cluster: MeshCluster
    handler: IstiodHandler
    inputs: Properties

    @property
    def directory(self) -> Path:
        return Workspace.of(FLEET).istiod("west", "default")

    @property
    def process(self) -> psutil.Process:
        (found,) = processes.find(self.directory)["pilot-discovery"]
        return found

    @property
    def served(self) -> x509.Certificate:
        """What it serves its webhooks with."""
        pem = ssl.get_server_certificate(("127.0.0.1", self.inputs["address"]["httpsPort"]), timeout=10)
        return x509.load_pem_x509_certificate(pem.encode())

    def lets_in(self, certificate: Path) -> bool:
        """Whether whoever shows this certificate, as a virtual machine does, may talk to it."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_alpn_protocols(["h2"])
        context.load_cert_chain(certificate)
        address = ("127.0.0.1", self.inputs["address"]["secureGrpcPort"])
        with socket.create_connection(address, timeout=10) as plain, context.wrap_socket(plain) as connection:
            # The client's part of a TLS 1.3 handshake ends before the server has looked at its certificate.
            try:
                return bool(connection.recv(1))
            except ssl.SSLError:
                return False

    def require_given(self, root: Authority) -> Callable[[], None]:
        """Raises NotYetError until workloads are given this root."""

        def look() -> None:
            arguments = ("get", "configmap", "istio-ca-root-cert", "-o", r"jsonpath={.data.root-cert\.pem}")
            if root.certificate.strip() not in self.cluster.kubectl("-n", "istio-system", *arguments):
                raise NotYetError("it is not there")

        return look

    def give(self, signing: Authority, *others: Authority) -> x509.Certificate:
        """Update it to a new intermediate of `signing` and to these roots; the intermediate."""
        intermediate = create_intermediate(signing, SPEC, datetime.now(UTC))
        before = self.inputs
        self.inputs = before | {
            "certificateAuthority": {
                "caCertificate": intermediate.certificate,
                "caKey": intermediate.private_key,
                "certificateChain": intermediate.certificate + signing.certificate,
                "rootCertificate": "".join(root.certificate for root in (signing, *others)),
            }
        }
        self.handler.update(IDENTIFIER, before, {}, self.inputs, 0)
        return x509.load_pem_x509_certificate(intermediate.certificate.encode())
