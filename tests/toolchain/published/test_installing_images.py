"""Programs out of the layers of images: the topmost that has them, of the image that is meant."""

from __future__ import annotations

import tarfile

import pytest

from meshfleet.errors import ToolchainError
from meshfleet.toolchain.published.records import Record, read_records, write_records
from tests.toolchain.published.conftest import Stand, token_server
from tests.toolchain.published.publishers import sha256, special, tar

pytestmark = pytest.mark.proof("published programs are taken whole or not at all", step=0)


def test_a_registry_s_token_is_taken_and_renewed(stand: Stand) -> None:
    token_server(stand)
    assert stand.install() == {"hello"}
    asked = [path for path in stand.shop.paths() if path.startswith("/token")]
    assert asked == ["/token?service=registry&scope=repository%3Arelease%2Fhello%3Apull"] * 2


def test_an_image_of_the_lock_is_requested_by_its_digest(stand: Stand) -> None:
    index = stand.shop.files["/images/v2/release/hello/manifests/v1.2.3"]
    assert isinstance(index, bytes)
    record = Record("release/hello", "v1.2.3", "", len(index), sha256(index))
    stand.publishing.project_lock.write_text(write_records({"images/release/hello:v1.2.3": record}))
    stand.shop.image("images", "release/hello", "v1.2.3", tar({"etc/hello/settings.json": b"changed"}))
    assert stand.install() == {"hello"}
    assert (stand.place / "share" / "hello.json").read_text() == "{}\n"
    assert "images/release/hello:v1.2.3" not in read_records(stand.cache.published_lock)


def test_layers_are_read_from_the_topmost_down_to_where_all_is_found(stand: Stand) -> None:
    stand.shop.image(
        "images",
        "release/hello",
        "v1.2.3",
        tar({"etc/hello/settings.json": b"lowest"}),
        tar({"etc/hello/settings.json": b"wanted"}, zipped=False),
        tar({"etc/hello/other": b""}),
    )
    assert stand.install() == {"hello"}
    assert (stand.place / "share" / "hello.json").read_text() == "wanted"
    assert len([path for path in stand.shop.paths() if "/blobs/" in path]) == 2


WHITEOUTS: dict[str, dict[str, bytes | tarfile.TarInfo]] = {
    "of the file": {"etc/hello/.wh.settings.json": b""},
    "of its folder": {"etc/.wh.hello": b""},
    "of all in its folder": {"etc/hello/.wh..wh..opq": b""},
    "of everything": {".wh..wh..opq": b""},
    "a link for its folder": {"1": special("etc", tarfile.SYMTYPE, "/usr/etc")},
}


@pytest.mark.parametrize("name", WHITEOUTS)
def test_what_a_layer_takes_away_is_not_in_the_image(stand: Stand, name: str) -> None:
    lowest, gone = tar({"etc/hello/settings.json": b"x"}), tar(WHITEOUTS[name])
    stand.shop.image("images", "release/hello", "v1.2.3", lowest, gone)
    assert stand.install() == frozenset()
    assert "has no etc/hello/settings.json" in stand.heard.lines[-1]
    again = tar({**WHITEOUTS[name], "etc/hello/settings.json": b"again"})
    stand.shop.image("images", "release/hello", "v1.2.3", lowest, again)
    if not name.startswith("a link"):
        assert stand.install() == {"hello"}
        assert (stand.place / "share" / "hello.json").read_text() == "again"


@pytest.mark.parametrize("kind", ["application/vnd.oci.image.layer.v1.tar+zstd", "application/x"])
def test_a_layer_of_another_kind_is_not_read(stand: Stand, kind: str) -> None:
    stand.shop.image("images", "release/hello", "v1.2.3", tar({"etc/hello/settings.json": b""}), mediaType=kind)
    assert stand.install() == frozenset()
    assert f"a layer of the kind {kind}" in stand.heard.lines[-1]


def test_a_layer_that_is_no_gzip_is_refused(stand: Stand) -> None:
    stand.shop.image("images", "release/hello", "v1.2.3", b"this is neither gzip nor tar" * 100)
    with pytest.raises(ToolchainError, match=r"layer .* of release/hello: a damaged archive"):
        stand.install()
    assert stand.nothing_is_left()
