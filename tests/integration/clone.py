"""A fresh clone: the files of this checkout that are or could be under version control, in a folder of their own.

The tests run the command there, so that neither the checkout's own fleets nor its stack files are touched.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from meshfleet.testing import Sandbox, new_sandbox, write_stack
from scripts.make_environment import path_line

CHECKOUT = Path(__file__).resolve().parents[2]
# Fleets of tests live for a minute, on machines with memory enough.
COLLECTION = {"MESHFLEET_GOGC": "400"}
# Of `verify` where a check is to fail: time enough for istioctl to look at what is well, on a machine that is busy.
SHORTLY = ("--seconds", "20")
_COMMAND = '#!/bin/sh\nexec "{python}" -c "from meshfleet.cli.entry_point import main; main()" "$@"\n'
_AUTHOR = {
    "GIT_AUTHOR_NAME": "tests",
    "GIT_AUTHOR_EMAIL": "tests@example.invalid",
    "GIT_COMMITTER_NAME": "tests",
    "GIT_COMMITTER_EMAIL": "tests@example.invalid",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
}


@dataclass(frozen=True)
class Clone:
    """`root` is the clone, `plugins` a folder with the Kubernetes plugin that each home gets a copy of."""

    root: Path
    plugins: Path

    def write_stack(self, name: str, config: dict[str, Any]) -> Path:
        """Write a stack file; the keys of `config` are sections without the project's prefix."""
        return write_stack(self.root / "stacks", name, config)

    @contextmanager
    def sandbox(self, *, home: Path | None = None, **extra: str) -> Iterator[Sandbox]:
        """A sandbox whose project is this clone, and whose commands run its code; see `new_sandbox`."""
        with new_sandbox(self.root, home=home, PYTHONPATH=str(self.root), **COLLECTION, **extra) as made:
            if self.plugins.is_dir():
                (made.home / "pulumi").mkdir(mode=0o700)
                shutil.copytree(self.plugins, made.home / "pulumi" / "plugins", symlinks=True)
            yield made

    def make_environment(self) -> None:
        """A Python environment as ./scripts/bootstrap leaves it, which is that of these tests."""
        environment, here = self.root / ".venv", Path(sys.prefix)
        (environment / "bin").mkdir(parents=True)
        for program in (here / "bin").iterdir():
            if program.name != "meshfleet":
                (environment / "bin" / program.name).symlink_to(program)
        command = environment / "bin" / "meshfleet"
        command.write_text(_COMMAND.format(python=environment / "bin" / "python"), encoding="utf-8")
        command.chmod(0o755)
        # Its own folder of packages, so that this clone is found there, and not the checkout of these tests.
        (packages,) = here.glob("lib/python3*/site-packages")
        own = environment / packages.relative_to(here)
        own.mkdir(parents=True)
        for package in packages.iterdir():
            if package.name != "_meshfleet.pth":
                (own / package.name).symlink_to(package)
        (own / "_meshfleet.pth").write_text(path_line(self.root.resolve()), encoding="ascii")
        shutil.copy(here / "pyvenv.cfg", environment / "pyvenv.cfg")
        # What scripts/bootstrap compares to tell whether it has anything to do.
        (environment / "made-from").mkdir()
        for name in ("requirements.lock", "pyproject.toml"):
            shutil.copy(self.root / name, environment / "made-from" / name)
        (environment / "made-from" / "checkout").write_text(f"{self.root.resolve()}\n", encoding="utf-8")

    def changed_files(self) -> list[str]:
        """What `git status` lists: every file that is not as it was when the clone was made."""
        return git(self.root, "status", "--porcelain").splitlines()


def make_clone(folder: Path) -> Clone:
    """Copy what git would take and commit it there, so that later changes can be told."""
    root = folder / "clone"
    for name in git(CHECKOUT, "ls-files", "--cached", "--others", "--exclude-standard", "-z").split("\0"):
        source = CHECKOUT / name
        if name and (source.is_file() or source.is_symlink()):
            target = root / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target, follow_symlinks=False)
    git(root, "init", "--quiet")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "as cloned")
    return Clone(root, folder / "plugins")


def git(folder: Path, *arguments: str) -> str:
    """Run git without the user's settings."""
    return subprocess.run(
        ["git", "-C", str(folder), *arguments],
        env=os.environ | _AUTHOR,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
