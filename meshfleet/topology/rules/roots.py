"""The roots of a mesh: one, or two while it goes over from one to the other, and one of them signs."""

from __future__ import annotations

from collections.abc import Iterator

from meshfleet.errors.faults import Fault
from meshfleet.redaction.shown import shown
from meshfleet.topology.draft import Draft
from meshfleet.topology.names import (
    COMMON_NAME_LENGTH,
    LABEL_LENGTH,
    MESH_LENGTH,
    is_read_root,
    label_fault,
    root_common_name,
)

MOST_ROOTS = 2


def roots(draft: Draft) -> Iterator[Fault]:
    """Yield a fault for each root that cannot be, for too few or too many, and for one that signs and is not there."""
    for mesh, declared in draft.meshes.items():
        path, trust = f"meshes.{mesh}.trust", declared.trust
        if trust.reads_root:
            continue
        if not trust.roots:
            yield Fault(f"{path}.roots", "the list is empty; name a root, or leave the list out")
        if len(trust.roots) > MOST_ROOTS:
            yield Fault(
                f"{path}.roots",
                f"{len(trust.roots)} roots are too many; {MOST_ROOTS} at most: the one that is, and the one that comes",
            )
        for position, root in enumerate(trust.roots):
            if fault := _root_fault(mesh, root, trust.roots[:position]):
                yield Fault(f"{path}.roots[{position}]", fault)
        if trust.signing and trust.signing not in trust.roots:
            known = ", ".join(trust.roots) or "none"
            yield Fault(f"{path}.signing", f"no root is named {shown(trust.signing)}; known are {known}")


def _root_fault(mesh: str, root: str, before: tuple[str, ...]) -> str | None:
    if root in before:
        return f"{shown(root)} is given twice; names are unique"
    if fault := label_fault(root, LABEL_LENGTH, "since it names the root in Pulumi's state"):
        return fault
    if is_read_root(root):
        return f"{shown(root)} is the name of a root from a file; choose another one"
    allowed = len(root) + COMMON_NAME_LENGTH - len(root_common_name(mesh, root))
    if allowed >= len(root) or len(mesh) > MESH_LENGTH:
        # A mesh whose own name is too long has that fault already.
        return None
    limit = f"at most {allowed} are allowed" if allowed > 0 else "none is short enough"
    return (
        f"{shown(root)} has {len(root)} characters; {limit} in a mesh whose name has {len(mesh)}, "
        "since both are part of the common name of its certificate"
    )
