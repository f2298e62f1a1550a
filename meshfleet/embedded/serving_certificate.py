"""With which authority an istiod signs now: its own serving certificate tells."""

from __future__ import annotations

import ssl
from typing import Final

from meshfleet.processes.waiting import NotYetError

_SECONDS: Final = 5.0


def require_signed_by(port: int, authority: str) -> None:
    """Return when what is served on `port` of this machine is signed by the certificate `authority` (PEM).

    An istiod renews it whenever its certificate authority changes (updateRootCertAndGenKeyCert in
    pilot/pkg/bootstrap/certcontroller.go). Raises NotYetError with what is served instead.
    """
    # A run in which no certificate changes does not need it.
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature

    try:
        pem = ssl.get_server_certificate(("127.0.0.1", port), timeout=_SECONDS)
        served = x509.load_pem_x509_certificate(pem.encode())
        served.verify_directly_issued_by(x509.load_pem_x509_certificate(authority.encode()))
    except OSError as error:
        raise NotYetError(f"nothing is served ({error})") from None
    except (ValueError, TypeError, InvalidSignature):
        raise NotYetError("its certificate is signed by another authority") from None
