"""A small table of publishers, on loopback, and a toolchain that lacks one tool."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from meshfleet.toolchain.plan import Plan
from meshfleet.toolchain.published.installing import Publishing, install_published
from meshfleet.toolchain.published.requests import Limits
from meshfleet.toolchain.published.table import read_table
from meshfleet.toolchain.recipes import Recipe
from meshfleet.workspace.cache import Cache
from tests.toolchain.published.publishers import Handler, Publishers, serving, tar
from tests.toolchain.workshop import Heard, Workshop

TABLE = {
    "publishers": {
        "files": {"url": "https://files.invalid", "probe": "/", "page": ""},
        "images": {"url": "https://images.invalid", "probe": "/v2/", "page": ""},
    },
    "tools": {
        "hello": [
            {
                "publisher": "files",
                "path": "{version}/hello-{system}-{processor}.tar.gz",
                "digest": {"path": "{version}/SHA256SUMS"},
                "members": {"bin/hello": "hello/bin/hello", "charts/base/": "hello/charts/base/"},
            },
            {
                "publisher": "files",
                "path": "{version}/hello-run",
                "digest": {"path": "{version}/hello-run.sha256"},
                "program": "bin/hello-run",
            },
            {
                "publisher": "images",
                "image": "release/hello",
                "tag": "{version}",
                "members": {"share/hello.json": "etc/hello/settings.json"},
            },
        ]
    },
    "started": {"hello": {"bin/hello": ["--version"]}},
}
PROGRAM = b"#!/bin/sh\necho hello\n"
CHART = {"hello/charts/base/Chart.yaml": b"name: base\n"}
ARCHIVE = "/files/v1.2.3/hello-linux-amd64.tar.gz"
FAST = Limits(connect=5, stall=0.3, least=64, tries=3, pause=0.01)


@dataclass
class Stand:
    """The publishers of the tool `hello` v1.2.3, and the plan that wants it."""

    shop: Publishers
    workshop: Workshop
    heard: Heard = field(default_factory=Heard)
    limits: Limits = FAST

    def __post_init__(self) -> None:
        archive = tar({"hello/bin/hello": PROGRAM, "hello/charts/base/Chart.yaml": b"name: base\n", "README": b"x"})
        self.publish(archive)
        run = self.shop.file("files", "v1.2.3/hello-run", b"#!/bin/sh\n")
        self.shop.file("files", "v1.2.3/hello-run.sha256", run.encode())
        self.shop.image("images", "release/hello", "v1.2.3", tar({"etc/hello/settings.json": b"{}\n"}))

    def publish(self, archive: bytes) -> None:
        """Another archive, with its digest."""
        found = self.shop.file("files", "v1.2.3/hello-linux-amd64.tar.gz", archive)
        sums = f"{'0' * 64}  other.tar.gz\n{found}  hello-linux-amd64.tar.gz\n"
        self.shop.file("files", "v1.2.3/SHA256SUMS", sums.encode())

    @property
    def plan(self) -> Plan:
        return self.workshop.plan(self.workshop.recipe())

    @property
    def publishing(self) -> Publishing:
        lock = self.workshop.folder / "project.lock"
        return Publishing(self.shop.table, self.shop.addresses, self.limits, lock)

    @property
    def cache(self) -> Cache:
        return self.workshop.cache

    @property
    def place(self) -> Path:
        return self.plan.parts[0][1].path

    def install(self) -> frozenset[str]:
        """Take what is published, as the builder does; it holds the lock, which nothing else wants here."""
        plan = self.plan
        parts = [(part, place) for part, place in plan.parts if isinstance(part, Recipe)]
        return install_published(self.publishing, self.cache, parts, {"hello": "v1.2.3"}, self.heard)

    def nothing_is_left(self) -> bool:
        """Whether no part of an installation is anywhere."""
        folder = self.cache.toolchain
        return not self.place.exists() and not list(folder.glob(".build*")) and not (folder / "published.lock").exists()


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    """One that serves."""
    with serving(Publishers(table=read_table(json.dumps(TABLE)))) as shop:
        yield Stand(shop, Workshop(tmp_path, Cache(tmp_path / "cache")))


def token_server(stand: Stand) -> None:
    """Images are for those who have a token, which everyone gets."""

    def guard(handler: Handler) -> bool:
        if handler.headers.get("Authorization") == "Bearer abc":
            return False
        realm = f'Bearer realm="{stand.shop.url}/token",service="registry",scope="repository:release/hello:pull"'
        handler.answer(401, b"{}", {"WWW-Authenticate": realm})
        return True

    stand.shop.files["/token"] = b'{"token": "abc", "expires_in": 0.0001}'
    stand.shop.faults["/v2/release"] = guard
