"""Stack files: `stacks/Pulumi.<stack>.yaml`, and those of `stacks/examples/`.

Source: https://www.pulumi.com/docs/concepts/config/#pulumi-stack-settings-file
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from topology.faults import Fault, TopologyError, join, shown

PROJECT = "meshfleet"


@dataclass(frozen=True)
class StackFile:
    """A stack by the name Pulumi knows it by, the file it is described in, and its configuration.

    `config` maps section names without the project's prefix to plain values.
    """

    stack: str
    path: Path
    config: Mapping[str, object]


def find_stack_file(folder: Path, stack: str) -> Path:
    """The file of a stack given as `dev` or `examples/two-meshes`, under the folder of stack files.

    Raises `TopologyError` naming the stacks there are.
    """
    parent, _, name = stack.rpartition("/")
    path = folder / parent / f"Pulumi.{name}.yaml"
    if not name or not path.is_file() or not path.resolve().is_relative_to(folder.resolve()):
        known = ", ".join(known_stacks(folder)) or "none"
        raise TopologyError([Fault("--stack", f"there is no stack {shown(stack)}; there are {known}")])
    return path


def known_stacks(folder: Path) -> tuple[str, ...]:
    """The stacks that have a file, as they are given on the command line."""
    found = (path.relative_to(folder) for path in folder.rglob("Pulumi.*.yaml"))
    return tuple(sorted(str(path.with_name(path.name[len("Pulumi.") : -len(".yaml")])) for path in found))


def read_stack_file(folder: Path, stack: str) -> StackFile:
    """Read a stack file. Raises `TopologyError` when it is missing, is no YAML or says a name twice."""
    path = find_stack_file(folder, stack)
    reader = YAML(typ="safe", pure=True)
    try:
        node = reader.compose(path.read_text(encoding="utf-8"))
        faults = [] if node is None else list(_duplicates(node, ""))
        if faults:
            raise TopologyError(faults)
        content = reader.load(path.read_text(encoding="utf-8"))
    except (YAMLError, UnicodeDecodeError) as error:
        raise TopologyError([Fault(path.name, f"is not YAML: {' '.join(str(error).split())}")]) from error
    name = path.name[len("Pulumi.") : -len(".yaml")]
    return StackFile(name, path, _config(path.name, content))


def _config(file: str, content: object) -> dict[str, object]:
    config = content.get("config", {}) if isinstance(content, Mapping) else None
    if not isinstance(config, Mapping):
        raise TopologyError([Fault(file, "has no `config:` mapping; see docs/stack-file.md")])
    sections = {}
    for key, value in config.items():
        project, separator, section = str(key).partition(":")
        # Another package's settings (`kubernetes:...`) are not ours to judge.
        if not separator or project == PROJECT:
            sections[section if separator else project] = value
    return sections


def _duplicates(node: Node, path: str) -> Iterator[Fault]:
    if isinstance(node, MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            name = key.value if isinstance(key, ScalarNode) else str(key.value)
            inner = join(path, [name]).removeprefix("config.").removeprefix(f"{PROJECT}:")
            if name in seen:
                yield Fault(inner, f"the name {shown(name)} is given twice; names are unique")
            seen.add(name)
            yield from _duplicates(value, inner)
    elif isinstance(node, SequenceNode):
        for position, value in enumerate(node.value):
            yield from _duplicates(value, join(path, [position]))
