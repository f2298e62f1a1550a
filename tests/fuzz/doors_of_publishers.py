"""What enters from publishers of programs: digests, images, archives; and the files that say where they come from."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from meshfleet.files import read_record
from meshfleet.toolchain.published.images import INDEXES
from meshfleet.toolchain.published.mirrors import Addresses, parse_mirrors
from meshfleet.toolchain.published.probe import parse_seen
from meshfleet.toolchain.published.records import parse_records
from meshfleet.toolchain.published.registry import Registry
from meshfleet.toolchain.published.requests import Page
from meshfleet.toolchain.published.table import DigestSource, Piece
from meshfleet.toolchain.published.taking import Taker
from meshfleet.toolchain.published.unpacking import take
from tests.fuzz import seeds
from tests.fuzz.guided import Door

DIGEST = "a" * 64
RELEASE = {"assets": [{"name": "tool", "digest": f"sha256:{DIGEST}"}]}
PLATFORM = {"os": "linux", "architecture": "amd64"}
LAYER = {"digest": f"sha256:{DIGEST}", "size": 1, "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip"}
MANIFEST = json.dumps({"layers": [LAYER]}).encode()
MANIFEST_DIGEST = f"sha256:{hashlib.sha256(MANIFEST).hexdigest()}"
INDEX = {"mediaType": INDEXES[0], "manifests": [{"digest": MANIFEST_DIGEST, "platform": PLATFORM}]}
RECORD = {"name": "tool", "version": "v1", "source": "https://h/tool", "size": 1, "sha256": DIGEST}


def doors(folder: Path) -> dict[str, Door]:
    """By name; `folder` is an empty one for files."""
    archive, target, lock = folder / "archive", folder / "target", folder / "published.lock"

    def digests(value: Any) -> object:
        piece = Piece("p", "tool", {"bin/tool": ""}, DigestSource("p", "sums"))
        taker: Any = Taker(_requests(_bytes(value)), _none(), {}, {}, ("linux", "amd64"))
        return taker._published_digest(piece, "tool")

    def images(value: Any) -> object:
        return Registry(_requests(_bytes(value)), _none(), "p").image("i", "t", ("linux", "amd64"))

    def tokens(value: Any) -> object:
        registry = Registry(_requests(_bytes(value)), _none(), "p")
        registry._log_in("i", "https://p/v2/", {"www-authenticate": 'Bearer realm="https://p/token"'})
        return registry._authorization("i")

    def archives(content: bytes) -> object:
        archive.write_bytes(content)
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir()
        found = take(archive, "archive", {"a": "chart/Chart.yaml", "all/": "chart/"}, target)
        return [found, sorted(path.name for path in target.rglob("*"))]

    def records(value: Any) -> object:
        lock.write_bytes(_bytes(value))
        return read_record(lock, parse_records, "remove it")

    def seen(value: Any) -> object:
        lock.write_bytes(_bytes(value))
        return read_record(lock, parse_seen, "remove it")

    standard = {"p": "https://p.invalid"}
    return {
        "digests of publishers": Door((RELEASE, f"{DIGEST}  tool\n"), digests),
        "images": Door((INDEX, {"layers": [LAYER]}), images),
        "tokens of registries": Door(({"token": "t", "expires_in": 60},), tokens),
        "archives": Door((seeds.chart(b"version: 1.0.0\n"),), archives),
        "the lock of published programs": Door(({"schema": 1, "files": {"p/tool": RECORD}},), records),
        "publishers that were silent": Door(({"bases": {"p": "https://p"}, "silent": {"p": "x"}, "at": 1.5},), seen),
        "mirrors": Door(
            ({"publishers": {"p": "https://m/p", "*": "https://m/{name}"}, "certificateAuthority": "ca"},),
            lambda value: parse_mirrors(_bytes(value).decode("utf-8", "replace"), standard, folder / "mirrors.json"),
        ),
    }


def _requests(content: bytes) -> Any:
    """What sends no request: everything but one manifest is answered with `content`."""

    def page(url: str, headers: object = None) -> Page:
        return Page(200, {}, MANIFEST if url.endswith(MANIFEST_DIGEST) else content, url)

    def tried(attempt: Callable[[], object]) -> object:
        return attempt()

    return SimpleNamespace(addresses=Addresses({"p": "https://p.invalid"}), page=page, tried=tried)


def _none() -> Any:
    """No downloads."""
    return SimpleNamespace()


def _bytes(value: Any) -> bytes:
    text = value if isinstance(value, str) else json.dumps(value)
    return text.encode("utf-8", "surrogatepass")
