"""The Kubernetes plugin that tests run with.

The one that a variable names, else the stand-in; the conformance suite prefers one that the user has installed.

    MESHFLEET_KUBERNETES_PLUGIN=~/.pulumi/plugins/resource-kubernetes-v4.34.2/pulumi-resource-kubernetes \
        python -m pytest tests/plugins/kubernetes tests/integration/dev tests/integration/pages
"""

from __future__ import annotations

import os
from importlib.metadata import version
from pathlib import Path
from typing import Final

from meshfleet.automation.engine.kubernetes_plugin import NAME

VARIABLE: Final = "MESHFLEET_KUBERNETES_PLUGIN"
FOLDER: Final = f"resource-kubernetes-v{version('pulumi-kubernetes')}"
_ELF: Final = b"\x7fELF"


def chosen_plugin() -> Path | None:
    """The executable that the variable names; None without it. Raises OSError, ValueError when it is not one."""
    text = os.environ.get(VARIABLE)
    if not text:
        return None
    program = Path(text).expanduser().resolve(strict=True)
    if not _is_official(program):
        raise ValueError(f"{VARIABLE}: {program} is a script; name the executable of the official plugin")
    return program


def installed_plugin() -> Path | None:
    """The executable of the official plugin in the user's own PULUMI_HOME."""
    for home in (os.environ.get("PULUMI_HOME"), Path.home() / ".pulumi"):
        program = Path(home) / "plugins" / FOLDER / NAME if home else None
        if program is not None and program.is_file() and _is_official(program):
            return program.resolve()
    return None


def pulumi_home_with(program: Path, home: Path) -> Path:
    """A PULUMI_HOME that has this plugin where Pulumi looks for it."""
    folder = home / "plugins" / FOLDER
    folder.mkdir(parents=True)
    (folder / NAME).symlink_to(program)
    return home


def _is_official(program: Path) -> bool:
    with program.open("rb") as file:
        return file.read(len(_ELF)) == _ELF
