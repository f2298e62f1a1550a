"""Names that a YAML file gives twice: most readers keep the last one without a word.

Source: https://yaml.org/spec/1.2.2/#3213-node-comparison
"""

from __future__ import annotations

from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from meshfleet.errors.faults import Fault, join
from meshfleet.redaction.shown import shown

PROJECT = "meshfleet"


def duplicate_names(root: Node | None) -> list[Fault]:
    """A fault for each key that a mapping anywhere in a parsed stack file has more than once.

    Paths leave out `config` and the project's prefix, with which and without which a section is the same.
    """
    faults = []
    waiting = [("", root)]
    seen: set[int] = set()
    while waiting:
        path, node = waiting.pop()
        # An alias is the node it stands for, which may even be one that contains it.
        if node is None or id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, MappingNode):
            given: set[str] = set()
            for key, value in node.value:
                name = key.value if isinstance(key, ScalarNode) else f"? {len(given)}"
                inner = _path(path, name)
                if inner in given:
                    faults.append(Fault(inner, f"the name {shown(name)} is given twice; names are unique"))
                given.add(inner)
                waiting.append((inner, value))
        elif isinstance(node, SequenceNode):
            waiting += [(join(path, [position]), value) for position, value in enumerate(node.value)]
    return faults


def _path(parent: str, name: str) -> str:
    if parent == "config":
        return name.removeprefix(f"{PROJECT}:")
    return join(parent, [name])
