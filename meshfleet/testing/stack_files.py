"""Stack files that tests write."""

from __future__ import annotations

import re
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML

from meshfleet.files import make_directory, write_file

_NAME: Final = re.compile(r"Pulumi\.(.+)\.yaml")
_STACKS: Final = "stacks"


@dataclass(frozen=True)
class StackPath:
    """A stack file as commands name it: `stack` is the value of `--stack` in the directory `project`."""

    project: Path
    stack: str

    @classmethod
    def of(cls, file: Path) -> StackPath | None:
        """A file `Pulumi.<stack>.yaml` below the directory `stacks` of a project, or in the project itself.

        None when there is no file of such a name.
        """
        name = _NAME.fullmatch(file.name)
        if name is None or not file.is_file():
            return None
        for folder in file.parents:
            if folder.name == _STACKS:
                return cls(folder.parent, (file.parent.relative_to(folder) / name[1]).as_posix())
        return cls(file.parent, name[1])


def fleet_name(stack: str) -> str:
    """The name of a stack's fleet: `dev-prod` for the stack `examples/dev-prod`."""
    return stack.rpartition("/")[2]


def write_stack(folder: Path, name: str, config: dict[str, Any]) -> Path:
    """Write `Pulumi.<name>.yaml` in a folder; the keys of `config` are sections without the project's prefix.

    Raises FileError.
    """
    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = False
    text = StringIO()
    writer.dump({"config": {f"meshfleet:{key}": value for key, value in config.items()}}, text)
    make_directory(folder)
    path = folder / f"Pulumi.{name}.yaml"
    write_file(path, text.getvalue(), mode=0o644)
    return path


def small_fleet(*clusters: str) -> dict[str, Any]:
    """Sections of a stack file: embedded clusters of one mesh, each on its own network; the first one is the host."""
    return {
        "host": clusters[0],
        "networks": {f"network-{name}": {} for name in clusters},
        "clusters": {name: {"embedded": {}, "network": f"network-{name}"} for name in clusters},
        "namespaces": {"sample": {"injection": True}},
    }
