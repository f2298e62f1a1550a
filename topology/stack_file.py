"""Stack files: `stacks/Pulumi.<stack>.yaml`, and those of `stacks/examples/`.

Source: https://www.pulumi.com/docs/concepts/config/#pulumi-stack-settings-file
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from topology.duplicate_names import PROJECT, duplicate_names
from topology.faults import Fault, TopologyError
from topology.pulumi_reading import pulumi_reading
from topology.shown import shown

PREFIX, SUFFIX = "Pulumi.", ".yaml"


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

    Raises `TopologyError` naming the stacks there are, or those that Pulumi could not tell apart.
    """
    known = known_stacks(folder)
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


def known_stacks(folder: Path) -> tuple[str, ...]:
    """The stacks that have a file, as they are given on the command line."""
    found = (path.relative_to(folder) for path in folder.rglob(f"{PREFIX}?*{SUFFIX}") if path.is_file())
    return tuple(sorted((path.parent / _name(path)).as_posix() for path in found))


def read_stack_file(folder: Path, stack: str) -> StackFile:
    """Read a stack file.

    Raises `TopologyError` when it is missing, is no YAML, says a name twice, or is another stack to Pulumi.
    """
    path = find_stack_file(folder, stack)
    reader = YAML(typ="safe", pure=True)
    try:
        text = path.read_text(encoding="utf-8")
        node = reader.compose(text)
        if faults := duplicate_names(node):
            raise TopologyError(faults)
        # What `load` does with a node, without parsing the text a second time.
        content = reader.constructor.construct_document(node) if node else None
        if faults := pulumi_reading(text, node):
            raise TopologyError(faults)
    except (YAMLError, ValueError) as error:
        # The parser's own text quotes the file, secrets included, and a number or a date may be impossible.
        raise TopologyError([Fault(path.name, f"is not YAML: {_reason(error)}")]) from None
    except RecursionError:
        raise TopologyError([Fault(path.name, "is nested too deeply to be a stack file")]) from None
    except OSError as error:
        raise TopologyError([Fault(path.name, f"cannot be read: {error.strerror}")]) from None
    return StackFile(_name(path), path, _config(path.name, content))


def _path(folder: Path, stack: str) -> Path:
    path = folder / stack
    return path.with_name(f"{PREFIX}{path.name}{SUFFIX}")


def _name(path: Path) -> str:
    return path.name[len(PREFIX) : -len(SUFFIX)]


def _reason(error: YAMLError | ValueError) -> str:
    if isinstance(error, MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        place = f" in line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        # What it says of a duplicate names both values.
        said = "a key is given twice" if isinstance(error, DuplicateKeyError) else error.problem or error.context
        return f"{said}{place}"
    return " ".join(str(error).split())


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
