"""A real image registry: Debian's docker-registry, unpacked without being installed, on loopback."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from urllib.parse import urljoin

from tests.toolchain.published.publishers import INDEX, LAYER, MANIFEST

_DOWNLOAD_SECONDS = 40


def program(folder: Path) -> Path | str:
    """The registry's program, downloaded by apt-get where it is not on PATH; else why there is none."""
    if found := shutil.which("docker-registry"):
        return Path(found)
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        return "no docker-registry on PATH, and no apt-get to download it with"
    options = ("-q", "-o", "Acquire::Retries=0", "-o", "Acquire::http::Timeout=15")
    try:
        subprocess.run(
            ["apt-get", *options, "download", "docker-registry"],
            cwd=folder,
            check=True,
            capture_output=True,
            timeout=_DOWNLOAD_SECONDS,
        )
        package = next(folder.glob("docker-registry_*.deb"))
        subprocess.run(["dpkg", "-x", str(package), str(folder / "unpacked")], check=True, capture_output=True)
    except (subprocess.SubprocessError, StopIteration) as error:
        return f"apt-get cannot download docker-registry ({type(error).__name__})"
    return folder / "unpacked" / "usr" / "bin" / "docker-registry"


@contextmanager
def registry(program: Path, folder: Path) -> Iterator[str]:
    """Run it; its base URL."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = folder / "registry.json"
    # JSON is YAML.
    settings.write_text(
        json.dumps(
            {
                "version": "0.1",
                "log": {"level": "error"},
                "storage": {"filesystem": {"rootdirectory": str(folder / "registry")}},
                "http": {"addr": f"127.0.0.1:{port}"},
            }
        )
    )
    process = subprocess.Popen(
        [str(program), "serve", str(settings)],
        env={"PATH": os.defpath, "HOME": str(folder), "OTEL_TRACES_EXPORTER": "none"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        deadline, pause = time.monotonic() + 30, Event()
        while not _responds(f"{url}/v2/"):
            assert process.poll() is None, "docker-registry has ended"
            assert time.monotonic() < deadline, "docker-registry does not respond"
            pause.wait(0.05)
        yield url
    finally:
        process.terminate()
        process.wait(20)


def push(url: str, name: str, tag: str, layers: Sequence[Path], platform: tuple[str, str] = ("linux", "amd64")) -> str:
    """Push an image of layers, the lowest first, with an index that has it; the digest of the index.

    Source: https://github.com/opencontainers/distribution-spec/blob/main/spec.md#push
    """
    entries = [_blob(url, name, layer.read_bytes()) | {"mediaType": LAYER} for layer in layers]
    config = _blob(url, name, b"{}") | {"mediaType": "application/vnd.oci.image.config.v1+json"}
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": entries}
    system, processor = platform
    entry = _document(url, name, None, manifest) | {"platform": {"os": system, "architecture": processor}}
    index = _document(url, name, tag, {"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]})
    return str(index["digest"])


def _blob(url: str, name: str, content: bytes) -> dict[str, object]:
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    where = _send("POST", f"{url}/v2/{name}/blobs/uploads/", b"")
    target = urljoin(url, where)
    _send("PUT", f"{target}{'&' if '?' in target else '?'}digest={digest}", content)
    return {"digest": digest, "size": len(content)}


def _document(url: str, name: str, tag: str | None, document: dict[str, object]) -> dict[str, object]:
    content = json.dumps(document).encode()
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    _send("PUT", f"{url}/v2/{name}/manifests/{tag or digest}", content, str(document["mediaType"]))
    return {"mediaType": document["mediaType"], "digest": digest, "size": len(content)}


def _send(method: str, url: str, content: bytes, kind: str = "application/octet-stream") -> str:
    request = urllib.request.Request(url, content, {"Content-Type": kind}, method=method)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=60) as response:
        return str(response.headers.get("Location", ""))


def _responds(url: str) -> bool:
    try:
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=1).close()
    except (urllib.error.URLError, OSError):
        return False
    return True
