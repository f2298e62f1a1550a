"""A cache that is damaged is mended where that takes a moment, and named where it does not."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from meshfleet.testing import Sandbox, small_fleet
from meshfleet.toolchain import Toolchain
from meshfleet.workspace.cache import locate_cache
from tests.integration.clone import Clone

pytestmark = [pytest.mark.extended, pytest.mark.proof("a damaged cache is repaired or reported", step=2)]

STACK = "cached"


@pytest.fixture
def private_cache(toolchain: Toolchain) -> Iterator[Path]:
    """The user's cache under another name: links to the same files, so that only links are ever damaged here."""
    shared = locate_cache().root
    folder = Path(tempfile.mkdtemp(prefix="mf-", dir=shared.parent))
    try:
        shutil.copytree(
            shared / "toolchain",
            folder / "toolchain",
            symlinks=True,
            copy_function=lambda source, target: os.link(source, target, follow_symlinks=False),
        )
        yield folder
    finally:
        shutil.rmtree(folder)


def damage(program: Path, content: bytes) -> None:
    """Put another file in the place of a program, with the old one's time of change."""
    times = program.stat()
    program.unlink()
    program.write_bytes(content)
    program.chmod(0o755)
    os.utime(program, ns=(times.st_atime_ns, times.st_mtime_ns))


def test_a_shortened_program_is_put_back_by_the_next_command(clone: Clone, private_cache: Path) -> None:
    with clone.sandbox(MESHFLEET_CACHE=str(private_cache)) as sandbox:
        bin_folder = Path(sandbox.exports()["MESHFLEET_TOOLS"])
        assert bin_folder.is_relative_to(private_cache)
        whole = (bin_folder / "helm").stat().st_size
        damage(bin_folder / "helm", (bin_folder / "helm").read_bytes()[: whole // 2])
        sandbox.meshfleet("env")
        assert (bin_folder / "helm").stat().st_size == whole


def test_a_program_with_other_content_is_named_and_up_goes_on_once_it_is_whole(
    clone: Clone, private_cache: Path
) -> None:
    with clone.sandbox(MESHFLEET_CACHE=str(private_cache)) as sandbox:
        clone.write_stack(STACK, small_fleet("only"))
        program = Path(sandbox.exports()["MESHFLEET_TOOLS"]) / "etcd"
        size = program.stat().st_size
        aside = program.with_name("etcd.aside")
        os.link(program, aside)
        damage(program, b"\0" * size)
        failed = sandbox.meshfleet("up", "--stack", STACK, expect=1)
        assert "only: processes:" in failed.err
        assert "etcd" in failed.err
        assert "Traceback" not in failed.err
        aside.replace(program)
        assert sandbox.meshfleet("up", "--stack", STACK, "--json").report["ok"]
        finish(sandbox)


def finish(sandbox: Sandbox) -> None:
    sandbox.meshfleet("destroy", "--stack", STACK, "--yes")
    assert sandbox.remains(STACK) == []
