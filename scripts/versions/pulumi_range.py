"""One cluster with the oldest and with the newest pulumi that pyproject.toml allows and the package index has.

The wheel goes into an environment of its own, with pulumi chosen by the end of its range; what pulumi does not itself
require is of the releases in requirements.lock.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import requires
from pathlib import Path
from typing import Final

from meshfleet.processes.child_environment import download_environment
from meshfleet.versions import EMBEDDED_ISTIO, EMBEDDED_KUBERNETES
from scripts.versions.fleets import verified
from scripts.versions.place import FailedError, place, run, say
from scripts.versions.plan import RESOLUTIONS, constraints, pulumi_range, requirements_named, single_cluster
from scripts.versions.table import Row

ROOT: Final = Path(__file__).resolve().parents[2]


def run_pulumi(end: str, keep: Path) -> Row:
    """Validate, render, bring up, verify and destroy one cluster with one end of the range. Raises FailedError."""
    stack = f"pulumi-{end}"
    with _environment(end) as folder, tempfile.TemporaryDirectory(prefix="meshfleet-versions-") as work:
        ask = "from importlib.metadata import version; print(version('pulumi'))"
        version = run([str(folder / "bin" / "python"), "-I", "-c", ask], Path(work), download_environment()).strip()
        program = (str(folder / "bin" / "meshfleet"),)
        # The wheel's code, and none that a shell adds.
        with place(stack, single_cluster(), keep, command=program, folder=Path(work), without=("PYTHON",)) as here:
            say(f"pulumi {version}: validate, render, up")
            here.meshfleet("validate", "--stack", stack)
            here.meshfleet("render", "--stack", stack, "--out", str(Path(work) / "rendered"))
            begun = time.monotonic()
            here.meshfleet("up", "--stack", stack)
            seconds = time.monotonic() - begun
            say(f"up in {seconds:.0f} s; verify, destroy")
            checks = verified(here.meshfleet("verify", "--stack", stack, "--json"))
            here.meshfleet("preview", "--stack", stack, "--expect-no-changes")
            here.meshfleet("destroy", "--stack", stack, "--yes")
    return Row("1 cluster, from the wheel", EMBEDDED_ISTIO, EMBEDDED_KUBERNETES, version, seconds, checks)


@contextmanager
def _environment(end: str) -> Iterator[Path]:
    """A Python environment with the wheel of this checkout."""
    wanted = pulumi_range((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    say(f"{end} of {wanted}: Python environment")
    with tempfile.TemporaryDirectory(prefix="meshfleet-versions-") as made:
        folder, fixed = Path(made) / "environment", Path(made) / "constraints.txt"
        free = ["pulumi", *requirements_named(requires("pulumi") or [])]
        fixed.write_text("\n".join(constraints(lock, free)) + "\n", encoding="utf-8")
        _install([sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", made])
        (wheel,) = Path(made).glob("*.whl")
        uv = str(Path(sys.executable).with_name("uv"))
        _install([uv, "venv", "--quiet", "--python", sys.executable, str(folder)])
        into = ["--python", str(folder / "bin" / "python"), "--constraints", str(fixed)]
        _install([uv, "pip", "install", "--quiet", *into, "--resolution", RESOLUTIONS[end], str(wheel), wanted])
        yield folder


def _install(command: list[str]) -> None:
    try:
        run(command, ROOT, download_environment())
    except OSError as error:
        raise FailedError(f"{command[0]}: cannot be started ({error.strerror}); run scripts/bootstrap") from error
    except subprocess.SubprocessError as error:
        raise FailedError(f"{command[0]}: {error}") from error
