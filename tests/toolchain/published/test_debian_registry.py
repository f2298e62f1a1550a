"""Images come out of a real registry as out of the tests' own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from meshfleet.toolchain.published.records import read_records
from tests.toolchain.published.conftest import Stand
from tests.toolchain.published.debian_registry import program, push, registry
from tests.toolchain.published.publishers import tar

pytestmark = pytest.mark.proof("published programs are taken in place of a build", step=0)


def test_an_image_of_a_real_registry_is_read(
    stand: Stand, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = program(tmp_path_factory.mktemp("registry"))
    if isinstance(found, str):
        pytest.skip(found)
    layers = []
    for number, content in enumerate(({"etc/hello/settings.json": b"{}\n"}, {"etc/hello/.wh.other": b""})):
        layers.append(tmp_path / f"{number}.tar.gz")
        layers[-1].write_bytes(tar(content))
    with registry(found, tmp_path) as url:
        digest = push(url, "release/hello", "v1.2.3", layers)
        addresses = stand.shop.addresses
        bases = {**addresses.bases, "images": url}
        monkeypatch.setattr(type(stand.shop), "addresses", replace(addresses, bases=bases))
        assert stand.install() == {"hello"}
    assert (stand.place / "share" / "hello.json").read_text() == "{}\n"
    record = read_records(stand.cache.published_lock)["images/release/hello:v1.2.3"]
    assert digest == f"sha256:{record.sha256}"
