"""Run inside a mount namespace of its own by test_full_disk.py: a home on a disk that is too small, then grown.

    python -m tests.integration.faults.full_disk <project> <folder of the sandbox>

The namespace goes with this process, and the disk with it; so everything that looks at the home is here.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from meshfleet.testing import Sandbox

STACK = "full"
# From nothing at all to just short of what one cluster takes: 64 MB for the log of etcd alone.
FILLER = "filler"
SIZES = ("200k", "4m", "40m")


def mount(home: Path, *options: str) -> None:
    """Mount a disk in memory at `home`, or change the one there."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", str(home)], check=True)


def fill(home: Path) -> None:
    """Write until the disk takes no byte more."""
    with (home / FILLER).open("wb", buffering=0) as file, suppress(OSError):
        while file.write(b"x" * 4096):
            pass
    assert os.statvfs(home).f_bavail == 0


def main(sandbox: Sandbox) -> None:
    """Fails with an AssertionError where something is not as it should be."""
    mount(sandbox.home, f"size={SIZES[0]}", "mode=0700")
    for size in SIZES:
        mount(sandbox.home, "remount", f"size={size}")
        failed = sandbox.meshfleet("up", "--stack", STACK, expect=1)
        print(f"== {size}\n{failed.err}", flush=True)
        assert "Traceback" not in failed.err, failed.text
        assert "no space left on device" in failed.err.lower(), failed.text
        assert "free" in failed.err, failed.text
    mount(sandbox.home, "remount", "size=2g")
    assert sandbox.meshfleet("up", "--stack", STACK, "--json").report["ok"]
    assert sandbox.meshfleet("verify", "--stack", STACK, "--json").report["ok"]
    assert (sandbox.home / "reserve").stat().st_size > 0
    fill(sandbox.home)
    sandbox.meshfleet("destroy", "--stack", STACK, "--yes")
    (sandbox.home / FILLER).unlink()
    left = sandbox.remains(STACK)
    assert left == [], left


if __name__ == "__main__":
    project, folder = (Path(argument) for argument in sys.argv[1:])
    main(Sandbox(project, folder, folder / "home", {"PYTHONPATH": str(project)}))
