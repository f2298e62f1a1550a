"""Vault on loopback as cert-manager asks it: whether it is unsealed, and to sign an intermediate.

Source: https://developer.hashicorp.com/vault/api-docs/secret/pki#sign-intermediate and .../system/health
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography import x509

from meshfleet.plugins.meshfleet.certificate_reading import load_certificate
from meshfleet.plugins.meshfleet.certificates import Authority
from tests.issued_files import sign_authority
from tests.pod_servers import respond

TOKEN = "vault-token-of-the-tests"
PATH = "pki/root/sign-intermediate"


@dataclass
class VaultServer:
    """It signs with `signing`, and sends `chain` along, up to the root; a request without TOKEN is refused."""

    signing: Authority
    chain: tuple[str, ...]
    url: str = ""
    signed: list[str] = field(default_factory=list)
    refused: int = 0

    def sign(self, asked: dict[str, Any]) -> dict[str, Any]:
        """The `data` of the response to a request."""
        request = x509.load_pem_x509_csr(asked["csr"].encode())
        issuer, now = load_certificate(self.signing.certificate, "signing"), datetime.now(UTC)
        # Vault gives no more than the authority has left.
        end = min(now + duration(asked["ttl"]), issuer.not_valid_after_utc)
        names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        certificate = sign_authority(self.signing, request.subject, request.public_key(), end, names.value)
        self.signed.append(certificate)
        return {"certificate": certificate, "issuing_ca": self.signing.certificate, "ca_chain": list(self.chain)}


def duration(text: str) -> timedelta:
    """As Go writes it: `2160h0m0s`."""
    hours, minutes, seconds = (int(part) for part in re.split("[hms]", text)[:3])
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)


@contextmanager
def vault_server(signing: Authority, *chain: str) -> Iterator[VaultServer]:
    """One that is unsealed."""
    found = VaultServer(signing, chain)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(200, {"initialized": True, "sealed": False, "standby": False, "version": "1.20.0"})

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path != f"/v1/{PATH}":
                self._answer(404, {"errors": [f"no handler for route {self.path}"]})
            elif self.headers.get("X-Vault-Token") != TOKEN:
                found.refused += 1
                self._answer(403, {"errors": ["permission denied"]})
            else:
                self._answer(200, {"data": found.sign(asked)})

        do_PUT = do_POST

        def _answer(self, code: int, content: dict[str, Any]) -> None:
            respond(self, code, json.dumps(content).encode())

        def log_message(self, *_: object) -> None:
            """Nothing is printed."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
