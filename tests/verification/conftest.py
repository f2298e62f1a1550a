"""A fleet of two meshes as status tells it, recorded answers, and authorities made on the spot."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from meshfleet.verification import FleetView, read_fleet

RECORDED = Path(__file__).parent / "recorded"
NOW = datetime(2026, 11, 23, tzinfo=UTC)
NAMESPACE = "istiod-config"


@pytest.fixture
def recorded() -> Callable[[str], Any]:
    """What real istiods, API servers and istioctl answered: JSON decoded, anything else as text."""

    def read(name: str) -> Any:
        text = (RECORDED / name).read_text()
        return json.loads(text) if name.endswith(".json") else text

    return read


def cluster_status(name: str, mesh: str, number: int) -> dict[str, Any]:
    return {
        "name": name,
        "role": "member",
        "network": f"net-{name}",
        "region": name,
        "zone": f"{name}-a",
        "mesh": mesh,
        "kubeconfig": f"/nowhere/{name}/kubeconfig",
        "controlPlane": {
            "kind": "own",
            "of": name,
            "revision": "default",
            "debugUrl": f"http://127.0.0.1:1810{number}",
        },
        "gateway": {"address": f"127.0.0.{number}", "port": 15443.0, "network": f"net-{name}"},
    }


@pytest.fixture
def status() -> dict[str, Any]:
    """Mesh1 with west and east, mesh2 with solo, as `status --json` prints them."""
    return {
        "stack": "test",
        "clusters": [
            cluster_status("west", "mesh1", 1),
            cluster_status("east", "mesh1", 2),
            cluster_status("solo", "mesh2", 3),
        ],
        "meshes": [
            {"name": "mesh1", "trustDomain": "mesh1.example", "rootFingerprint": "11" * 32},
            {"name": "mesh2", "trustDomain": "mesh2.example", "rootFingerprint": "22" * 32},
        ],
        "virtualMachines": [],
    }


@pytest.fixture
def fleet(status: dict[str, Any], tmp_path: Path) -> FleetView:
    return read_fleet(status, tmp_path)


def _plane(kind: str, of: str, namespace: str = "istio-system") -> dict[str, Any]:
    """A control plane as status tells it; one that carries the cluster's name can be asked."""
    url = None if kind == "remote" else "http://127.0.0.1:18101"
    return {"kind": kind, "of": of, "revision": "default", "debugUrl": url, "namespace": namespace}


@pytest.fixture
def served(status: dict[str, Any], tmp_path: Path) -> FleetView:
    """West serves east in mesh1, and hosts the control plane of config in mesh2, which serves kiosk too."""
    west, east, config = status["clusters"]
    east["controlPlane"] = _plane("remote", "west")
    config |= {"name": "config", "controlPlane": _plane("external", "west", NAMESPACE)}
    kiosk = config | {
        "name": "kiosk",
        "network": "net-kiosk",
        "controlPlane": _plane("remote", "config", NAMESPACE),
    }
    return read_fleet(status | {"clusters": [west, east, config, kiosk]}, tmp_path)


class Authority:
    """A key and a certificate, signed by another authority or by itself."""

    def __init__(
        self,
        name: str,
        issuer: Authority | None = None,
        *,
        days: tuple[int, int] = (-1, 365),
        ca: bool | None = True,
        path_length: int | None = None,
        signs: bool = True,
    ) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = (
            x509.CertificateBuilder()
            .subject_name(self.name)
            .issuer_name(issuer.name if issuer else self.name)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW + timedelta(days=days[0]))
            .not_valid_after(NOW + timedelta(days=days[1]))
        )
        if ca is not None:
            builder = builder.add_extension(x509.BasicConstraints(ca, path_length if ca else None), critical=True)
        usage = dict.fromkeys(
            (
                "digital_signature",
                "content_commitment",
                "key_encipherment",
                "data_encipherment",
                "key_agreement",
                "crl_sign",
                "encipher_only",
                "decipher_only",
            ),
            False,
        )
        builder = builder.add_extension(x509.KeyUsage(key_cert_sign=signs, **usage), critical=True)
        self.certificate = builder.sign(issuer.key if issuer else self.key, SHA256())

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    @property
    def fingerprint(self) -> str:
        return self.certificate.fingerprint(SHA256()).hex()


@pytest.fixture
def authority() -> type[Authority]:
    return Authority


@pytest.fixture
def now() -> datetime:
    return NOW


class Server:
    """A loopback HTTP server that answers from a table `METHOD PATH` → (code, body); keeps requests."""

    def __init__(self, answers: Mapping[str, tuple[int, Any]]) -> None:
        self.requests: list[tuple[str, Any]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length)) if length else None
                outer.requests.append((f"{self.command} {self.path}", body))
                answered = answers.get(f"{self.command} {self.path.partition('?')[0]}", (404, {"message": "none"}))
                code, content = answered(body) if callable(answered) else answered
                data = content.encode() if isinstance(content, str) else json.dumps(content).encode()
                self.send_response(code)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = answer

            def log_message(self, *_: Any) -> None:
                """Keep quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def serve() -> Iterator[Callable[[Mapping[str, Any]], Server]]:
    """Start loopback servers; all are gone when the test ends."""
    started: list[Server] = []

    def start(answers: Mapping[str, Any]) -> Server:
        started.append(Server(answers))
        return started[-1]

    yield start
    for server in started:
        server.close()


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Callable[[str], Path]:
    """A kubeconfig file that leads to a URL."""

    def write(url: str) -> Path:
        path = tmp_path / "kubeconfig"
        config = {
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {"server": url}}],
            "users": [{"name": "u", "user": {}}],
        }
        path.write_text(json.dumps(config))
        return path

    return write


@pytest.fixture
def closed_url() -> str:
    """A URL without a listener: the port of a server that is closed again."""
    server = Server({})
    server.close()
    return server.url
