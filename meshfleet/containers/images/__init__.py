"""The images of clusters in containers: which there are, and whether they were made from what is pinned now.

Cheap, since it is asked whenever a cluster is made: nothing is started, and no image is read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from meshfleet.containers.capabilities import lacks_resource_capability
from meshfleet.containers.images.component import ISTIO_HUB, NODE_REPOSITORY, istio_tag
from meshfleet.containers.packages import ENGINE, NETWORK, SUITE
from meshfleet.containers.place import COMMAND, Place, find_place
from meshfleet.errors import ContainersError, NewerFileError
from meshfleet.files import make_directory, read_record, remove_file, write_file
from meshfleet.files.json_text import parse_json
from meshfleet.toolchain import Plan, container_plan, make_plan
from meshfleet.workspace.cache import Cache

_HERE: Final = Path(__file__).parent
_VERSION: Final = 1
_DIGITS: Final = 12
_RECORDS: Final = "node-"
_KEPT: Final = 3
# What decides the content of an image: a change of one makes the images again.
_BASE_SOURCES: Final = ("images/base_root.py", "packages.py")
_NODE_SOURCES: Final = (
    *_BASE_SOURCES,
    "images/archive.py",
    "images/component.py",
    "images/node_root.py",
    "images/files/crictl",
)
_TOOLS: Final = ("kubernetes", "etcd", "istio", "kubectl", "envoy")
"""Of the toolchain, whose programs are in images too."""


@dataclass(frozen=True)
class Images:
    """What a cluster names: `node` is the image of every node, and Istio's images, which are in it.

    `kubernetes` is the release of the node, such as v1.35.4; `inputs` are 64 hexadecimal digits of all it is made from.
    """

    place: Place
    inputs: str
    kubernetes: str
    istio_tag: str
    istio_hub: str = ISTIO_HUB

    @property
    def node(self) -> str:
        """The image of a node with its tag, which changes with what it is made from."""
        return f"{NODE_REPOSITORY}:{self.inputs[:_DIGITS]}"

    @property
    def record_file(self) -> Path:
        """What was made from these inputs; another checkout's has another."""
        return self.place.images / f"{_RECORDS}{self.inputs[:_DIGITS]}.json"

    def missing(self) -> str:
        """What is wrong with the image of the nodes, in words; empty when it can be used. Raises FileError."""
        made = read_record(self.record_file, _parse, f"remove that file and run {COMMAND}")
        if made is None:
            return "was not made yet"
        if made["inputs"] != self.inputs:
            return "was made from other versions or another recipe"
        kept = self.place.data / "image/overlay2/imagedb/content/sha256" / made["id"].removeprefix("sha256:")
        return "" if kept.is_file() else "is not in the engine's folder any more"

    def require(self) -> None:
        """Raise ContainersError, with the command that makes them, unless all can be used."""
        wrong = self.missing()
        if wrong:
            raise ContainersError(f"{self.node}: {wrong}; run {COMMAND}")

    def superseded(self) -> list[str]:
        """The images of nodes that were made before the last few, whichever checkout made them, newest first."""
        records = sorted(self.place.images.glob(f"{_RECORDS}*.json"), key=lambda path: path.stat().st_mtime)
        older = [path for path in reversed(records) if path != self.record_file][_KEPT - 1 :]
        return [f"{NODE_REPOSITORY}:{path.stem.removeprefix(_RECORDS)}" for path in older]

    def forget(self, image: str) -> None:
        """Note that an image of nodes, one of `superseded`, was removed. Raises FileError."""
        remove_file(self.place.images / f"{_RECORDS}{image.rpartition(':')[2]}.json")

    def remember(self, identity: str) -> None:
        """Note that the image of the nodes was made; `identity` is its ID, sha256:…. Raises FileError."""
        make_directory(self.place.images)
        body = {"version": _VERSION, "inputs": self.inputs, "id": identity}
        write_file(self.record_file, json.dumps(body) + "\n")


def find_images(cache: Cache | None = None) -> Images:
    """The images that this checkout makes on this machine, whether they were made or not."""
    versions = {part.tool: part.version for plan in (make_plan(cache), container_plan(cache)) for part, _ in plan.parts}
    return Images(
        find_place(cache), node_inputs(cache), versions["kubernetes-node"], istio_tag(versions.get("istio", "unknown"))
    )


def base_inputs(cache: Cache | None = None) -> str:
    """64 hexadecimal digits that change with what the base root is made from."""
    return _digest(_keys(container_plan(cache), ("kind",)), _BASE_SOURCES)


def node_inputs(cache: Cache | None = None) -> str:
    """64 hexadecimal digits that change with what the image of the nodes is made from, the machine included."""
    keys = _keys(container_plan(cache), None) | _keys(make_plan(cache), _TOOLS)
    keys["restricted"] = str(lacks_resource_capability())
    return _digest(keys, _NODE_SOURCES)


def _keys(plan: Plan, tools: tuple[str, ...] | None) -> dict[str, str]:
    return {part.tool: part.key for part, _ in plan.parts if tools is None or part.tool in tools}


def _digest(keys: Mapping[str, str], sources: tuple[str, ...]) -> str:
    digest = hashlib.sha256(repr((SUITE, ENGINE, NETWORK, sorted(keys.items()))).encode())
    for name in sources:
        digest.update(b"\0" + (_HERE.parent / name).read_bytes())
    return digest.hexdigest()


def _parse(text: str) -> dict[str, str]:
    content = parse_json(text)
    if content["version"] > _VERSION:
        raise NewerFileError(f"version {content['version']}")
    inputs, identity = content["inputs"], content["id"]
    if not isinstance(inputs, str) or not isinstance(identity, str) or "/" in identity:
        raise TypeError("inputs or id")
    return {"inputs": inputs, "id": identity}
