"""The first `scripts/up` of a fresh clone with an empty cache, where publishers on loopback have what was built here.

The package index is the machine's own; the tools come from the toolchain of this checkout, served as publishers do.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
from pathlib import Path

from meshfleet.toolchain.published.mirrors import VARIABLE
from scripts.benchmark.measurement import measured
from scripts.benchmark.row import Row
from scripts.benchmark.stage import Stage
from tests.toolchain.published.built import publishers

# What a shell of a user has who was never here.
_KEPT = ("PATH", "HOME", "USER", "LANG", "TERM", "SSL_CERT_FILE", "SSL_CERT_DIR", "PIP_CERT", "PIP_CONFIG_FILE")


def first(stage: Stage, runs: int) -> list[Row]:
    """From `git clone` to a verified fleet, and what of it is the Python environment and what the tools."""
    whole, environment, tools = [], [], []
    for _ in range(runs):
        with tempfile.TemporaryDirectory(prefix="meshfleet-first-") as folder:
            served = Path(folder) / "served"
            served.mkdir()
            with publishers(served) as mirrors:
                parts = _once(stage.root, Path(folder), mirrors)
        environment.append(parts[0])
        tools.append(parts[1])
        whole.append(sum(parts))
    inside = f"of which {statistics.median(environment):.0f} s packages, {statistics.median(tools):.0f} s tools"
    return [Row("first `./scripts/up`, publishers on loopback", f"{statistics.median(whole):.0f} s", inside, "")]


def _once(root: Path, folder: Path, mirrors: Path) -> tuple[float, float, float]:
    """The seconds of the three steps of one first run; its fleet is destroyed."""
    clone = folder / "clone"
    variables = {name: os.environ[name] for name in _KEPT if name in os.environ}
    subprocess.run(["git", "clone", "--quiet", str(root), str(clone)], check=True, env=variables)
    variables |= {"MESHFLEET_CACHE": str(folder / "cache"), VARIABLE: str(mirrors)}
    steps = (["scripts/bootstrap", "--environment"], ["scripts/bootstrap"], ["scripts/up"])
    try:
        packages, tools, fleet = (measured([f"./{step[0]}", *step[1:]], clone, variables).seconds for step in steps)
    finally:
        measured(["./scripts/down"], clone, variables)
    return packages, tools, fleet
