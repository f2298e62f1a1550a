"""Whatever publishers and networks do, a tool is there as published or not at all."""

from __future__ import annotations

import os
import socket
import tarfile
import threading
import time
from dataclasses import replace
from email.utils import formatdate

import pytest

from meshfleet.errors import ToolchainError
from meshfleet.toolchain import ensure
from meshfleet.toolchain.published import downloads, unpacking
from tests.toolchain.published.conftest import ARCHIVE, CHART, FAST, PROGRAM, Stand, token_server
from tests.toolchain.published.publishers import Fault, Handler, sha256, special, status, tar, times

pytestmark = pytest.mark.proof("published programs are taken whole or not at all", step=0)


def cut(handler: Handler) -> bool:
    """Promises the rest of the file from where it was requested, and hangs up half-way."""
    content = handler.server.shop.files[handler.path]
    assert isinstance(content, bytes)
    start = int(handler.headers.get("Range", "bytes=0-").removeprefix("bytes=").removesuffix("-"))
    rest = content[start:]
    handler.send_response(206 if start else 200)
    handler.send_header("Content-Length", str(len(rest)))
    if start:
        handler.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
    handler.end_headers()
    handler.wfile.write(rest[: max(1, len(rest) // 2)])
    handler.wfile.flush()
    handler.connection.shutdown(socket.SHUT_RDWR)
    handler.close_connection = True
    return True


def drip(handler: Handler) -> bool:
    """Sends a byte every tenth of a second, for as long as the client stays."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    pause = threading.Event()
    try:
        while True:
            handler.wfile.write(b"x")
            handler.wfile.flush()
            pause.wait(0.1)
    except OSError:
        handler.close_connection = True
        return True


def hang(handler: Handler) -> bool:
    """Sends headers and nothing more."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    handler.wfile.flush()
    handler.connection.recv(1)
    handler.close_connection = True
    return True


def endless(handler: Handler) -> bool:
    """A body without a length that does not end."""
    handler.send_response(200)
    handler.send_header("Connection", "close")
    handler.end_headers()
    try:
        while True:
            handler.wfile.write(b"x" * 65536)
    except OSError:
        handler.close_connection = True
        return True


WEB_PAGE = status(200, {"Content-Type": "text/html; charset=utf-8"}, b"<html>log in</html>")

# What a publisher does not have, or does not give: the tool is built, and the reason is a line.
UNAVAILABLE: dict[str, tuple[str, Fault, str]] = {
    "forbidden": (ARCHIVE, status(403), "HTTP 403"),
    "not found": (ARCHIVE, status(404), "HTTP 404"),
    "unauthorized": (ARCHIVE, status(401), "HTTP 401"),
    "no content": (ARCHIVE, status(204), "HTTP 204"),
    "too many requests": (ARCHIVE, status(429, {"Retry-After": "0"}), "HTTP 429, 3 times"),
    "a long pause": (ARCHIVE, status(503, {"Retry-After": "3600"}), "HTTP 503"),
    "a pause until a date": (
        ARCHIVE,
        status(503, {"Retry-After": formatdate(time.time() + 9999)}),
        "HTTP 503",
    ),
    "broken": (ARCHIVE, status(500), "HTTP 500, 3 times"),
    "a web page": (ARCHIVE, WEB_PAGE, "responds with a web page"),
    "a web page of digests": ("SHA256SUMS", WEB_PAGE, "responds with a web page"),
    "no digests": ("SHA256SUMS", status(200, content=b"log in"), "0 SHA-256 digests of hello-linux-amd64.tar.gz"),
    "no list of digests": ("SHA256SUMS", status(404), "HTTP 404"),
    "endless digests": ("SHA256SUMS", endless, "more than 4 MiB"),
    "compressed": (ARCHIVE, status(200, {"Content-Encoding": "br"}, b"x"), "compression that was not requested"),
    "always cut": (ARCHIVE, cut, ", 3 times"),
    "no progress": (ARCHIVE, hang, ", 3 times"),
    "hardly any progress": (ARCHIVE, drip, "bytes in 0 s, 3 times"),
    "no HTTP": (ARCHIVE, lambda handler: bool(handler.wfile.write(b"SSH-2.0\r\n\r\n")), ", 3 times"),
    "to another scheme": (ARCHIVE, status(302, {"Location": "ftp://files.invalid/x"}), "redirects to ftp:"),
    "to plain http": (ARCHIVE, status(302, {"Location": "http://192.0.2.1/x"}), "which is not https"),
    "to nowhere": (ARCHIVE, status(302), "redirects to nowhere"),
    "in circles": (ARCHIVE, status(302, {"Location": ARCHIVE}), "more than 5 redirects"),
    "no such image": ("manifests/", status(404), "HTTP 404"),
    "a web page for an image": ("manifests/", WEB_PAGE, "responds with a web page"),
    "no manifest": ("manifests/v1.2.3", status(200, content=b'{"a": 1}'), "neither an index nor a manifest"),
    "no JSON": ("manifests/v1.2.3", status(200, content=b"[[[["), "release/hello/manifests/v1.2.3"),
    "no layer": ("blobs/", status(404), "HTTP 404"),
    "a realm elsewhere": (
        "manifests/",
        status(401, {"WWW-Authenticate": 'Bearer realm="http://192.0.2.1/token"'}),
        "HTTP 401",
    ),
}


@pytest.mark.parametrize("name", UNAVAILABLE)
def test_what_is_not_available_is_left_to_be_built_with_its_reason(stand: Stand, name: str) -> None:
    pattern, fault, reason = UNAVAILABLE[name]
    stand.shop.faults[pattern] = fault
    assert stand.install() == frozenset()
    assert stand.heard.lines[-2] == "hello v1.2.3 not available as published"
    assert reason in stand.heard.lines[-1]
    assert stand.nothing_is_left()


def other_layer(handler: Handler) -> bool:
    """As many bytes as the layer has, and others."""
    content = handler.server.shop.files[handler.path]
    assert isinstance(content, bytes)
    handler.answer(200, bytes(len(content)))
    return True


OTHER = tar({"hello/bin/hello": b"#!/bin/sh\necho changed\n", "hello/charts/base/Chart.yaml": b"name: base\n"})

# What is not what its publisher says it is: refused, and nothing is built in its place without a word.
REFUSED: dict[str, tuple[str, Fault, str]] = {
    "another archive": (ARCHIVE, status(200, content=OTHER), f"has the SHA-256 {sha256(OTHER)}, not"),
    "another program": ("hello-run$", status(200, content=b"evil"), "hello-run from http"),
    "another layer": ("blobs/", other_layer, "a layer of release/hello"),
    "a larger layer": ("blobs/", status(200, content=b"x" * 9999), "has 9999 bytes, not"),
    "an endless layer": ("blobs/", endless, "has more than"),
    "another manifest": (
        "manifests/sha256:",
        status(200, content=b'{"layers": []}'),
        "the manifest of release/hello from http",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_other_contents_are_refused_and_nothing_is_left(stand: Stand, name: str) -> None:
    pattern, fault, reason = REFUSED[name]
    stand.shop.faults[pattern] = fault
    with pytest.raises(ToolchainError) as caught:
        stand.install()
    assert reason in str(caught.value)
    assert "refused" in str(caught.value)
    assert "MESHFLEET_PUBLISHERS=off" in str(caught.value)
    assert stand.nothing_is_left()
    assert not list(stand.cache.downloads.glob("*.part"))


# Archives whose digest is right and which are nothing that a publisher makes.
ARCHIVES: dict[str, tuple[bytes, str]] = {
    "no archive": (b"no archive at all" * 100, "a damaged archive"),
    "a gzip that is none": (b"\x1f\x8b" + b"x" * 5000, "a damaged archive"),
    "half an archive": (tar({"hello/bin/hello": os.urandom(50_000), **CHART})[:9_000], "a damaged archive"),
    "a link": (tar({"1": special("hello/bin/hello", tarfile.SYMTYPE, "/bin/sh"), **CHART}), "is a link or a device"),
    "a hard link": (tar({"1": special("hello/bin/hello", tarfile.LNKTYPE, "/etc/passwd"), **CHART}), "is a link"),
    "a device": (tar({"1": special("hello/bin/hello", tarfile.CHRTYPE), **CHART}), "is a link or a device"),
    "a pipe": (tar({"1": special("hello/bin/hello", tarfile.FIFOTYPE), **CHART}), "is a link or a device"),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_an_archive_that_nobody_publishes_is_refused(stand: Stand, name: str) -> None:
    content, reason = ARCHIVES[name]
    stand.publish(content)
    with pytest.raises(ToolchainError, match=reason):
        stand.install()
    assert stand.nothing_is_left()


def test_paths_that_lead_elsewhere_write_nothing(stand: Stand) -> None:
    elsewhere = stand.workshop.folder / "elsewhere"
    names = (
        "hello/charts/base/../../../../../../elsewhere",
        f"hello/charts/base/{'../' * 20}{str(elsewhere)[1:]}",
        str(elsewhere),
        "../elsewhere",
    )
    stand.publish(tar({**dict.fromkeys(names, b"evil"), "./hello/bin/hello": PROGRAM, **CHART}))
    before = set(stand.workshop.folder.iterdir())
    assert stand.install() == {"hello"}
    assert set(stand.workshop.folder.iterdir()) - before <= {
        stand.cache.root,
        stand.workshop.folder / "modules",
    }
    assert sorted(path.name for path in (stand.place / "charts" / "base").iterdir()) == ["Chart.yaml"]


@pytest.mark.parametrize("bound", ["LARGEST_FILE", "LARGEST_ARCHIVE", "MANY"])
def test_an_archive_that_unpacks_to_too_much_is_refused(
    stand: Stand, monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    stand.publish(tar({**{f"{one}": b"" for one in range(50)}, "hello/bin/hello": bytes(3_000_000), **CHART}))
    monkeypatch.setattr(unpacking, bound, {"MANY": 40}.get(bound, 1_000_000))
    with pytest.raises(ToolchainError, match="refused"):
        stand.install()
    assert stand.nothing_is_left()


def test_headers_of_an_archive_are_not_read_into_memory_without_a_bound(stand: Stand) -> None:
    info = tarfile.TarInfo("././@LongLink")
    info.type = tarfile.GNUTYPE_LONGNAME
    header = bytearray(info.tobuf())
    # 8 GiB - 1, in octal, with the checksum of a header that has it.
    header[124:136] = b"77777777777\0"
    header[148:156] = b" " * 8
    header[148:156] = f"{sum(header):06o}\0 ".encode()
    stand.publish(bytes(header) + bytes(20 * 512))
    with pytest.raises(ToolchainError, match="a damaged archive"):
        stand.install()


@pytest.mark.parametrize("name", ["a/b", f"a/{'x' * 300}"])
def test_an_archive_whose_paths_no_folder_has_is_refused(stand: Stand, name: str) -> None:
    base = "hello/charts/base/"
    stand.publish(tar({f"{base}a": b"", f"{base}{name}": b"", "hello/bin/hello": PROGRAM}))
    with pytest.raises(ToolchainError, match="a damaged archive"):
        stand.install()
    assert stand.nothing_is_left()


def test_an_endless_file_of_unknown_size_is_refused(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "LARGEST", 1_000_000)
    stand.shop.faults[ARCHIVE] = endless
    with pytest.raises(ToolchainError, match="has more than 1000000 bytes, and was refused"):
        stand.install()
    assert stand.nothing_is_left()
    assert not list(stand.cache.downloads.glob("*.part"))


def test_a_program_that_does_not_run_here_is_not_taken(stand: Stand) -> None:
    stand.publish(tar({"hello/bin/hello": b"#!/bin/sh\necho version GLIBC_9.99 not found >&2\nexit 1\n", **CHART}))
    assert stand.install() == frozenset()
    assert "hello does not run here: exit code 1 version GLIBC_9.99 not found" in stand.heard.lines[-1]
    assert stand.nothing_is_left()


def test_an_archive_without_the_program_is_not_taken(stand: Stand) -> None:
    stand.publish(tar(CHART))
    assert stand.install() == frozenset()
    assert "hello-linux-amd64.tar.gz has no hello/bin/hello" in stand.heard.lines[-1]


@pytest.mark.parametrize("fault", [cut, status(503, {"Retry-After": "0"}), status(429)])
def test_what_passes_is_tried_again_from_where_it_was(stand: Stand, fault: Fault) -> None:
    stand.publish(tar({"hello/bin/hello": PROGRAM, "x": os.urandom(100_000), **CHART}))
    stand.shop.faults[ARCHIVE] = times(2, fault)
    assert stand.install() == {"hello"}
    ranges = [headers.get("Range") for _, path, headers in stand.shop.requests if path == ARCHIVE]
    assert len(ranges) == 3
    assert all(ranges[1:]) == (fault is cut)


def test_a_server_without_ranges_sends_all_of_it_again(stand: Stand) -> None:
    def whole(handler: Handler) -> bool:
        del handler.headers["Range"]
        return False

    stand.shop.faults[ARCHIVE] = times(1, cut)
    stand.shop.faults[f"{ARCHIVE}$"] = whole
    assert stand.install() == {"hello"}


def test_what_another_run_has_left_is_continued(stand: Stand) -> None:
    archive = stand.shop.files[ARCHIVE]
    assert isinstance(archive, bytes)
    stand.cache.downloads.mkdir(parents=True)
    (stand.cache.downloads / f"{sha256(archive)}.part").write_bytes(archive[:100])
    assert stand.install() == {"hello"}
    assert [headers.get("Range") for _, path, headers in stand.shop.requests if path == ARCHIVE] == ["bytes=100-"]


@pytest.mark.parametrize("left", [b"damaged by a power cut", b"x" * 10_000])
def test_what_is_damaged_of_another_run_is_downloaded_again(stand: Stand, left: bytes) -> None:
    archive = stand.shop.files[ARCHIVE]
    assert isinstance(archive, bytes)
    stand.cache.downloads.mkdir(parents=True)
    (stand.cache.downloads / f"{sha256(archive)}.part").write_bytes(left)
    (stand.cache.downloads / sha256(archive)).write_bytes(left)
    assert stand.install() == {"hello"}


def test_redirects_to_another_host_are_followed_without_credentials(stand: Stand) -> None:
    host = stand.shop.url.replace("127.0.0.1", "localhost")
    path = next(path for path in stand.shop.files if "/blobs/" in path)
    stand.shop.files["/moved"] = stand.shop.files[path]
    token_server(stand)
    stand.shop.faults["/blobs/"] = status(307, {"Location": f"{host}/moved?signature=secret"})
    assert stand.install() == {"hello"}
    sent = {path: headers for _, path, headers in stand.shop.requests}
    assert sent[path]["Authorization"] == "Bearer abc"
    assert "Authorization" not in sent["/moved?signature=secret"]
    assert not any("secret" in line for line in stand.heard.lines)


@pytest.mark.parametrize("lock", ["project", "user"])
def test_contents_that_are_not_those_of_the_lock_are_refused_whatever_the_publisher_says(
    stand: Stand, lock: str
) -> None:
    assert stand.install() == {"hello"}
    records = stand.cache.published_lock.read_text()
    path = stand.publishing.project_lock if lock == "project" else stand.cache.published_lock
    if lock == "project":
        stand.cache.published_lock.unlink()
    path.write_text(records)
    (stand.place / "manifest.json").unlink()
    for file in stand.cache.downloads.iterdir():
        file.unlink()
    stand.publish(OTHER)
    with pytest.raises(ToolchainError, match="refused"):
        stand.install()


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"schema": 2, "files": {}}', '{"schema": 1, "files": {"a": {}}}', "\0"]
)
def test_a_damaged_lock_is_named(stand: Stand, text: str) -> None:
    stand.cache.toolchain.mkdir(parents=True)
    stand.cache.published_lock.write_text(text)
    with pytest.raises(ToolchainError, match=r"published\.lock"):
        stand.install()


def test_a_refusal_does_not_wait_for_downloads_that_hang(stand: Stand) -> None:
    stand.limits = replace(FAST, stall=30)
    hanging = threading.Event()

    def hang_and_say(handler: Handler) -> bool:
        hanging.set()
        return hang(handler)

    def refuse(handler: Handler) -> bool:
        return hanging.wait(10) and other_layer(handler)

    # Another tool of the same publisher, whose program is not what its digest says.
    piece = {"publisher": "files", "path": "other", "digest": {"path": "other.sha256"}, "program": "bin/other"}
    stand.shop.table = replace(stand.shop.table, tools={**stand.shop.table.tools, "other": (piece,)})
    digest = stand.shop.file("files", "other", b"other")
    stand.shop.file("files", "other.sha256", digest.encode())
    stand.shop.faults |= {ARCHIVE: hang_and_say, "/other$": refuse}
    plan = stand.workshop.plan(stand.workshop.recipe(), stand.workshop.recipe("other"))
    since = time.monotonic()
    with pytest.raises(ToolchainError, match=r"other from .* was refused"):
        ensure(stand.heard, plan=plan, publishing=stand.publishing)
    assert time.monotonic() - since < 15
    assert "hello v1.2.3 stopped" in stand.heard.lines
