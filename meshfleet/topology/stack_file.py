"""Stack files: `stacks/Pulumi.<stack>.yaml`, and those of `stacks/examples/`.

Source: https://www.pulumi.com/docs/concepts/config/#pulumi-stack-settings-file
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from meshfleet.errors import DocumentError, FileError
from meshfleet.errors.faults import Fault, TopologyError
from meshfleet.files import read_text
from meshfleet.files.bounded_yaml import LIMIT, compose_yaml, construct_yaml
from meshfleet.files.duplicate_names import PROJECT, duplicate_names
from meshfleet.redaction.shown import shown
from meshfleet.topology.pulumi_reading import pulumi_reading
from meshfleet.topology.stack_name import name_fault, stack_name

PREFIX, SUFFIX = "Pulumi.", ".yaml"


@dataclass(frozen=True)
class StackFile:
    """A stack by the name Pulumi knows it by, the file it is described in, and its configuration.

    `config` maps section names without the project's prefix to plain values.
    """

    stack: str
    path: Path
    config: Mapping[str, object]


def find_stack_file(folder: Path, stack: str, *, nested: bool = True) -> Path:
    """The file of a stack given as `dev` or `examples/two-meshes`, under the folder of stack files.

    Raises `TopologyError` for what is no stack name, naming the stacks there are, or those that Pulumi could not tell
    apart.
    """
    stack_name(stack)
    known = known_stacks(folder, nested=nested)
    # Only what was found in the folder is opened, so that no text leads out of it.
    if stack not in known:
        listed = ", ".join(known) or "none"
        raise TopologyError([Fault("--stack", f"there is no stack {shown(stack)}; there are {listed}")])
    path = _path(folder, stack)
    alike = [other for other in known if _path(folder, other).name == path.name]
    if len(alike) > 1:
        name = _name(path)
        message = f"{' and '.join(alike)} are both the stack {name!r} to Pulumi; rename one of the files"
        raise TopologyError([Fault("--stack", message)])
    return path


def known_stacks(folder: Path, *, nested: bool = True) -> tuple[str, ...]:
    """The stacks that have a file, as they are given on the command line; files of other names are no stacks.

    Without `nested` only those in the folder itself, which holds other things too.
    """
    matches = (folder.rglob if nested else folder.glob)(f"{PREFIX}?*{SUFFIX}")
    found = (path.relative_to(folder) for path in matches if path.is_file())
    return tuple(sorted((path.parent / _name(path)).as_posix() for path in found if not name_fault(_name(path))))


def read_stack_file(folder: Path, stack: str, *, nested: bool = True) -> StackFile:
    """Read a stack file.

    Raises `TopologyError` when it is missing, is no YAML, says a name twice, or is another stack to Pulumi.
    """
    path = find_stack_file(folder, stack, nested=nested)
    try:
        # A link is the user's own; anything but a regular file and a large one is none of a stack.
        text = read_text(path, limit=LIMIT, follow=True)
        # One that was removed meanwhile is as good as empty: it has no configuration.
        node = compose_yaml(text or "", what=str(path))
        if faults := duplicate_names(node):
            raise TopologyError(faults)
        content = construct_yaml(node, what=str(path))
        if faults := pulumi_reading(text or "", node):
            raise TopologyError(faults)
    except (FileError, DocumentError) as error:
        raise TopologyError([Fault(path.name, str(error).removeprefix(f"{path}: "))]) from None
    return StackFile(_name(path), path, _config(path.name, content))


def _path(folder: Path, stack: str) -> Path:
    path = folder / stack
    return path.with_name(f"{PREFIX}{path.name}{SUFFIX}")


def _name(path: Path) -> str:
    return path.name[len(PREFIX) : -len(SUFFIX)]


def _config(file: str, content: object) -> dict[str, object]:
    config = content.get("config") if isinstance(content, Mapping) else None
    if not isinstance(config, Mapping):
        raise TopologyError([Fault(file, "has no `config:` mapping; see docs/stack-file.md")])
    sections = {}
    for key, value in config.items():
        project, separator, section = str(key).partition(":")
        # Another package's settings (`kubernetes:...`) are not ours to judge.
        if not separator or project == PROJECT:
            sections[section if separator else project] = value
    return sections
