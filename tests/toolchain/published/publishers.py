"""Publishers on loopback: files with their digests, and images as a registry has them, with faults on purpose."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import tarfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from meshfleet.toolchain.published.mirrors import Addresses
from meshfleet.toolchain.published.table import Table, standard_table

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def tar(entries: Mapping[str, bytes | tarfile.TarInfo], *, zipped: bool = True) -> bytes:
    """An archive of files; a TarInfo in place of the contents is put in as it is, under its own name."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for name, entry in entries.items():
            info = entry if isinstance(entry, tarfile.TarInfo) else tarfile.TarInfo(name)
            data = b"" if isinstance(entry, tarfile.TarInfo) else entry
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return gzip.compress(content.getvalue(), 1, mtime=0) if zipped else content.getvalue()


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    """A link, a device or a folder."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


class Handler(BaseHTTPRequestHandler):
    """Serves `publishers` of its server; HTTP/1.1 with ranges."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        shop = self.server.shop
        shop.requests.append((self.command, self.path, dict(self.headers)))
        for pattern, fault in list(shop.faults.items()):
            if re.search(pattern, self.path) and fault(self):
                return
        content = shop.files.get(self.path.partition("?")[0])
        if content is None:
            self.answer(404 if self.path.count("/") > 2 else 200)
            return
        data = content if isinstance(content, bytes) else content.read_bytes()
        found = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if found and int(found[1]) >= len(data):
            self.answer(416)
        elif found:
            start = int(found[1])
            part = {"Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"}
            self.answer(206, data[start:], part)
        else:
            self.answer(200, data, {"Content-Type": shop.kinds.get(self.path, "application/octet-stream")})

    def answer(self, status: int, content: bytes = b"", headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Not into the output of the tests."""


class Server(ThreadingHTTPServer):
    """Ends with its test, whatever its connections do."""

    daemon_threads = True
    shop: Publishers

    def handle_error(self, *_: object) -> None:
        """A client that hangs up is none here."""


Fault = Callable[[Handler], bool]


def status(code: int, headers: dict[str, str] | None = None, content: bytes = b"") -> Fault:
    """Every request is answered like this."""

    def fault(handler: Handler) -> bool:
        handler.answer(code, content, headers)
        return True

    return fault


@dataclass
class Publishers:
    """What is served, by path; `faults` are by a pattern of paths, and say whether they have answered."""

    url: str = ""
    files: dict[str, bytes | Path] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    faults: dict[str, Fault] = field(default_factory=dict)
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    table: Table = field(default_factory=standard_table)

    @property
    def addresses(self) -> Addresses:
        """Every publisher of the table, here."""
        names = self.table.publishers
        return Addresses({name: f"{self.url}/{name}" for name in names}, frozenset(names))

    def paths(self, method: str = "GET") -> list[str]:
        """What was requested."""
        return [path for used, path, _ in self.requests if used == method]

    def file(self, publisher: str, path: str, content: bytes | Path) -> str:
        """Publish a file; its SHA-256."""
        self.files[f"/{publisher}/{path}"] = content
        return sha256(content if isinstance(content, bytes) else content.read_bytes())

    def image(self, publisher: str, name: str, tag: str, *layers: bytes, **changed: Any) -> str:
        """Publish an image of this machine's and another platform, the lowest layer first; its index's SHA-256."""
        entries = []
        for layer in layers:
            self.files[f"/{publisher}/v2/{name}/blobs/sha256:{sha256(layer)}"] = layer
            entries.append({"mediaType": LAYER, "digest": f"sha256:{sha256(layer)}", "size": len(layer), **changed})
        ours = self._document(publisher, name, {"schemaVersion": 2, "mediaType": MANIFEST, "layers": entries})
        other = self._document(publisher, name, {"schemaVersion": 2, "mediaType": MANIFEST, "layers": []})
        platforms = {other: ("unknown", "unknown"), ours: ("linux", "amd64")}
        manifests = [
            {"mediaType": MANIFEST, "digest": f"sha256:{digest}", "platform": {"os": system, "architecture": processor}}
            for digest, (system, processor) in platforms.items()
        ]
        index = self._document(publisher, name, {"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests})
        self.files[f"/{publisher}/v2/{name}/manifests/{tag}"] = self.files[
            f"/{publisher}/v2/{name}/manifests/sha256:{index}"
        ]
        return index

    def _document(self, publisher: str, name: str, document: dict[str, Any]) -> str:
        content = json.dumps(document).encode()
        path = f"/{publisher}/v2/{name}/manifests/sha256:{sha256(content)}"
        self.files[path], self.kinds[path] = content, document["mediaType"]
        return sha256(content)


@contextmanager
def serving(shop: Publishers) -> Iterator[Publishers]:
    """The publishers at an address of this machine."""
    server = Server(("127.0.0.1", 0), Handler)
    server.shop = shop
    shop.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield shop
    finally:
        server.shutdown()
        server.server_close()


def times(count: int, fault: Fault) -> Fault:
    """The fault, for the first requests only."""
    left = [count]

    def limited(handler: Handler) -> bool:
        left[0] -= 1
        return left[0] >= 0 and fault(handler)

    return limited
