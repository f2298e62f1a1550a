"""Images that were built since a node was made, and are not in the image that it is of: cert-manager's.

Source: https://kind.sigs.k8s.io/docs/user/quick-start/#loading-an-image-into-your-cluster
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from meshfleet.containers.images import find_images
from meshfleet.containers.images.archive import Content, write_archive
from meshfleet.containers.images.component import cert_manager_components
from meshfleet.errors import EmbeddedError
from meshfleet.kind.engine import DockerEngine
from meshfleet.kind.faults import docker_fault
from meshfleet.kind.nodes import Node, execute
from meshfleet.toolchain import container_plan
from meshfleet.toolchain.recipes import go_platform

_SECONDS: Final = 300.0
_CTR: Final = ("ctr", "--namespace=k8s.io", "images")
# As those that are in the node's own image, so that the kubelet removes none of them for space.
_IMPORT: Final = (
    *(*_CTR, "import", "--local", "--discard-unpacked-layers"),
    *("--label=io.cri-containerd.pinned=pinned", "--label=io.cri-containerd.image=managed"),
)
# No file system of its own is mounted there, which `docker cp` would write below.
_INSIDE: Final = "/later-images.tar"


def load_later_images(engine: DockerEngine, nodes: Sequence[Node], wanted: Sequence[str]) -> None:
    """Have every node hold these images, by name with tag; one that it has is left as it is.

    Raises EmbeddedError for one that is not built here, ContainersError where the images are not complete.
    """
    if not wanted:
        return
    missing = {node.identifier: set(wanted) - _held(engine, node) for node in nodes}
    if not any(missing.values()):
        return
    find_images().require()
    contents = _contents()
    if unknown := set(wanted) - set(contents):
        raise EmbeddedError(f"{', '.join(sorted(unknown))}: not built here; those that are: {', '.join(contents)}")
    for node, names in missing.items():
        if names:
            _load(engine, node, {name: contents[name] for name in sorted(names)})


def _held(engine: DockerEngine, node: Node) -> set[str]:
    return set(execute(engine, node.identifier, *_CTR, "list", "--quiet").split())


def _contents() -> dict[str, Content]:
    plan = container_plan()
    found = cert_manager_components(plan.programs, plan.toolchain().versions["cert-manager"])
    return {one.name: one.content for one in found}


def _load(engine: DockerEngine, node: str, contents: Mapping[str, Content]) -> None:
    with tempfile.TemporaryDirectory(dir=find_images().place.images) as folder:
        archive = Path(folder) / "images.tar"
        with archive.open("wb") as file:
            write_archive(contents, file, staging=Path(folder), architecture=go_platform()[1])
        ended = engine.run("cp", str(archive), f"{node}:{_INSIDE}", seconds=_SECONDS)
    if ended.code:
        raise docker_fault(engine.where, ended.err, "cp")
    execute(engine, node, *_IMPORT, _INSIDE, seconds=_SECONDS)
    execute(engine, node, "rm", _INSIDE)
