"""Whether a machine reaches the istiod of its bundle, and the one it reaches is of the mesh that the bundle is for.

Asked before the agent starts: an agent that cannot trust its istiod, or never reaches it, tries for ever.
Source: https://istio.io/latest/docs/ops/diagnostic-tools/virtual-machines/
"""

from __future__ import annotations

import socket
import ssl
from typing import Final

from meshfleet.dataplane.machine.bundle_folder import Bundle
from meshfleet.dataplane.network.namespaces import inside
from meshfleet.errors import CertificateError, NetworkError
from meshfleet.manifests.bundle import ROOT_CERTIFICATE
from meshfleet.processes.waiting import NotYetError, wait_until

_CONNECT_SECONDS: Final = 3.0
_SECONDS: Final = 20.0


def require_istiod(namespace: str, bundle: Bundle, seconds: float = _SECONDS) -> None:
    """Connect to istiod from a machine's namespace, by the address, name and roots of its bundle.

    Raises NetworkError when it is not reached in `seconds`, CertificateError when it is of another mesh.
    """
    (address, name), port = bundle.istiod, bundle.istiod_port
    try:
        roots = ssl.create_default_context(cadata=bundle.root_certificate)
    except ssl.SSLError as error:
        raise CertificateError(
            f"the file {ROOT_CERTIFICATE} of the bundle contains no certificate ({error.reason}); "
            "create a bundle with meshfleet vm bundle"
        ) from error

    def connect() -> None:
        try:
            with (
                socket.create_connection((address, port), _CONNECT_SECONDS) as plain,
                roots.wrap_socket(plain, server_hostname=name),
            ):
                return
        except ssl.SSLCertVerificationError as error:
            raise CertificateError(
                f"the istiod at {address} is not of the mesh that the bundle is for: the roots in {ROOT_CERTIFICATE} "
                f"have not signed its certificate ({error.verify_message}); create a bundle of this mesh with "
                "meshfleet vm bundle, again after a rotation of its root"
            ) from error
        except OSError as error:
            # A node of the network leads to a new machine within a second or two.
            raise NotYetError(str(error) or type(error).__name__) from error

    wait_until(
        lambda: inside(namespace, connect),
        f"istiod behind the gateway {address}, port {port}, to answer a machine as {name}",
        seconds,
        "see whether the gateway is the one that status shows, and its pod is ready",
        every=0.2,
        failure=NetworkError,
    )
