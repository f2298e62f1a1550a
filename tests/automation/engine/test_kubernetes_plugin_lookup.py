"""Pulumi itself, asked after the plugin was installed over whatever stood in its place."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from meshfleet.automation.checkout import Checkout
from meshfleet.automation.engine.kubernetes_plugin import NAME, install

pytestmark = pytest.mark.proof("Pulumi finds the Kubernetes plugin, whatever stood in its place", step=2)

WANTED = f"resource-kubernetes-v{version('pulumi-kubernetes')}"


def program(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / NAME).write_bytes(b"\x7fELF the official one")
    (folder / NAME).chmod(0o755)


def real_folder(folder: Path, theirs: Path) -> None:
    program(folder)


def link_to_a_folder(folder: Path, theirs: Path) -> None:
    folder.symlink_to(theirs)


def dangling_link(folder: Path, theirs: Path) -> None:
    folder.symlink_to(theirs / "gone")


def folder_with_a_dangling_link(folder: Path, theirs: Path) -> None:
    folder.mkdir()
    (folder / NAME).symlink_to(theirs / "gone")


def file_in_its_place(folder: Path, theirs: Path) -> None:
    folder.touch()


def unreadable_folder(folder: Path, theirs: Path) -> None:
    program(folder)
    folder.chmod(0)


def unfinished_download(folder: Path, theirs: Path) -> None:
    program(folder)
    folder.with_name(f"{WANTED}.partial").touch()


def empty_folder(folder: Path, theirs: Path) -> None:
    folder.mkdir()


def empty_program(folder: Path, theirs: Path) -> None:
    folder.mkdir()
    (folder / NAME).touch(0o755)


def nothing(folder: Path, theirs: Path) -> None:
    """The first run of a checkout."""


BEFORE = (
    real_folder,
    link_to_a_folder,
    dangling_link,
    folder_with_a_dangling_link,
    file_in_its_place,
    unreadable_folder,
    unfinished_download,
    empty_folder,
    empty_program,
    nothing,
)


@pytest.mark.parametrize("before", BEFORE, ids=lambda before: before.__name__)
def test_it_is_listed_by_pulumi_and_can_be_started(
    before: Callable[[Path, Path], None],
    checkout: Checkout,
    tmp_path: Path,
    toolchain: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("PULUMI_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    theirs = tmp_path / "user" / ".pulumi" / "plugins" / WANTED
    program(theirs)
    folder = checkout.pulumi_home / "plugins" / WANTED
    folder.parent.mkdir(parents=True)
    before(folder, theirs)
    variables = {
        "PATH": f"{toolchain.bin}{os.pathsep}{os.defpath}",
        "PULUMI_HOME": str(checkout.pulumi_home),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }
    plugin = install(checkout, Path(sys.executable), variables)
    listing = subprocess.run(
        [str(toolchain.bin / "pulumi"), "plugin", "ls", "--json", "--non-interactive"],
        cwd=tmp_path,
        env=os.environ | variables,
        capture_output=True,
        check=True,
    )
    assert [(entry["name"], entry["version"]) for entry in json.loads(listing.stdout)] == [
        ("kubernetes", version("pulumi-kubernetes"))
    ]
    assert plugin.official
    assert os.access(plugin.folder / NAME, os.X_OK)
    assert (plugin.folder / NAME).read_bytes() == b"\x7fELF the official one"
