"""An API server on loopback that has cert-manager's objects as a test sets them, and refuses what a test says."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from meshfleet.plugins.meshfleet.certificates import Authority
from tests.issued_files import new_intermediate
from tests.pod_servers import failure, respond

NAMESPACE = "meshfleet-trust"
NAME = "intermediate-west"
_CERTIFICATES = f"/apis/cert-manager.io/v1/namespaces/{NAMESPACE}/certificates"
_SECRET = f"/api/v1/namespaces/{NAMESPACE}/secrets/{NAME}"
REQUEST: dict[str, Any] = {
    "secretName": NAME,
    "isCA": True,
    "issuerRef": {"group": "cert-manager.io", "kind": "Issuer", "name": "root-mesh1-first"},
}


@dataclass
class CertManagerServer:
    """What is in the cluster. `refusals` are given to the first requests for a check, one each; then, to a status."""

    url: str
    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    refusals: list[tuple[int, str]] = field(default_factory=list)
    checks: list[str] = field(default_factory=list)
    statuses: list[dict[str, Any]] = field(default_factory=list)
    """The statuses that were written."""
    issuer_ref: dict[str, str] = field(default_factory=lambda: REQUEST["issuerRef"])
    """What the Certificate names as its issuer."""

    @property
    def kubeconfig(self) -> str:
        """Leads to it."""
        return json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "hub",
                "contexts": [{"name": "hub", "context": {"cluster": "hub", "user": "hub"}}],
                "clusters": [{"name": "hub", "cluster": {"server": self.url}}],
                "users": [{"name": "hub", "user": {}}],
            }
        )

    def issue(
        self, root: Authority, *, days: int = 30, now: datetime | None = None, between: Authority | None = None
    ) -> Authority:
        """What cert-manager does: another key and certificate in the Secret, and the Certificate is ready.

        `between` is an authority below the root, which signs and comes along.
        """
        issued = new_intermediate(between or root, "west", days=days, now=now or datetime.now(UTC))
        self.store(issued.certificate + (between.certificate if between else ""), issued.private_key)
        self.say({"Ready": ("True", "Ready", "Certificate is up to date and has not expired")})
        return issued

    def store(self, certificate: str, key: str) -> None:
        """What is in the Secret."""
        data = {"tls.crt": _encoded(certificate), "tls.key": _encoded(key)}
        self.objects[_SECRET] = {"kind": "Secret", "apiVersion": "v1", "data": data}

    def say(
        self,
        conditions: Mapping[str, tuple[str, str, str]],
        *,
        generation: int = 1,
        observed: int = 1,
        failed: str | None = None,
    ) -> None:
        """The conditions of the Certificate: status, reason and message by type; `failed` is when that was."""
        status: dict[str, Any] = {"conditions": _conditions(conditions, observed)}
        self.objects[f"{_CERTIFICATES}/{NAME}"] = {
            "kind": "Certificate",
            "apiVersion": "cert-manager.io/v1",
            "metadata": {"name": NAME, "namespace": NAMESPACE, "generation": generation},
            "spec": REQUEST | {"issuerRef": self.issuer_ref},
            "status": status | ({"lastFailureTime": failed} if failed else {}),
        }

    def issuer_says(self, conditions: Mapping[str, tuple[str, str, str]]) -> None:
        """The conditions of the issuer."""
        status, kind = {"conditions": _conditions(conditions, 1)}, self.issuer_ref["kind"]
        inside = f"namespaces/{NAMESPACE}/issuers" if kind == "Issuer" else "clusterissuers"
        path = f"/apis/cert-manager.io/v1/{inside}/{self.issuer_ref['name']}"
        self.objects[path] = {"kind": kind, "apiVersion": "cert-manager.io/v1", "status": status}


def _conditions(conditions: Mapping[str, tuple[str, str, str]], observed: int) -> list[dict[str, Any]]:
    return [
        {"type": kind, "status": status, "reason": reason, "message": message, "observedGeneration": observed}
        for kind, (status, reason, message) in conditions.items()
    ]


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@contextmanager
def cert_manager_server() -> Iterator[CertManagerServer]:
    """One without any object but an Issuer that is ready."""
    found = CertManagerServer("")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            known = found.objects.get(self.path)
            self._answer(*((200, known) if known else (404, failure(404, f"{self.path} not found", "NotFound"))))

        def do_PUT(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            path, _, parameters = self.path.partition("?")
            assert (path, parameters) == (f"{_CERTIFICATES}/{NAME}/status", "fieldManager=meshfleet")
            if found.refusals:
                self._refuse()
                return
            found.statuses.append(body["status"])
            found.objects[f"{_CERTIFICATES}/{NAME}"] = body
            self._answer(200, body)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            found.checks.append(self.path)
            if found.refusals:
                self._refuse()
            else:
                self._answer(201, {"kind": "Certificate", "apiVersion": "cert-manager.io/v1", "metadata": {}})

        def _refuse(self) -> None:
            code, message = found.refusals.pop(0)
            self._answer(code, failure(code, message, "InternalError"))

        def _answer(self, code: int, content: dict[str, Any]) -> None:
            respond(self, code, json.dumps(content).encode())

        def log_message(self, *_: object) -> None:
            """Nothing is printed."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{server.server_port}"
    found.issuer_says({"Ready": ("True", "KeyPairVerified", "Signing CA verified")})
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
