"""What one kind of native resource must be able to do; the provider translates the wire for it.

A handler sees plain Python values only (`str`, `int`, `float`, `bool`, `None`, `list`, `dict`) under their
wire names (camelCase). Whole numbers arrive as `int` although the wire has only doubles. A value that is not
known yet during a preview is `UNKNOWN`. Secrecy is not a handler's business except for naming what is secret:
`secret_inputs` and `secret_outputs`; an output that repeats an input keeps that input's secrecy by itself.

Handlers are called from several threads at once and must not keep state between calls.
Protocol: https://github.com/pulumi/pulumi/blob/master/proto/pulumi/provider.proto
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

Properties = dict[str, Any]


class Unknown:
    """The type of `UNKNOWN`: a value the engine will only know once something has been created."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown()


@dataclass(frozen=True)
class Fault:
    """One wrong input: `property` is its path (`nodes`), `reason` says the value and what is allowed."""

    property: str
    reason: str


@dataclass(frozen=True)
class Difference:
    """What would have to change. Empty means: nothing.

    `updates` and `replaces` are property names (inputs, or outputs such as `state` and `notAfter`). Anything
    in `replaces` makes the engine replace the resource, deleting the old one first if
    `delete_before_replace`.
    """

    updates: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()
    delete_before_replace: bool = False


@dataclass(frozen=True)
class Created:
    """A new resource: its id (stable for its life) and its outputs, inputs not repeated."""

    identifier: str
    # Some of them are secret, and a repr ends up in logs.
    outputs: Properties = field(repr=False)


class ResourceHandler(Protocol):
    """The life cycle of one resource type. Every method may raise `MeshfleetError`; its text is shown as it
    is.
    """

    @property
    def outputs(self) -> frozenset[str]:
        """Names of all outputs besides the inputs; those `preview` leaves out are shown as not known yet."""
        ...

    @property
    def secret_inputs(self) -> frozenset[str]:
        """Inputs that are made secret even when the program passed them in the clear."""
        ...

    @property
    def secret_outputs(self) -> frozenset[str]:
        """Outputs that are secret from birth."""
        ...

    def check(self, inputs: Properties) -> tuple[Properties, list[Fault]]:
        """The inputs with defaults filled in, and every fault found. Deterministic; must accept `UNKNOWN`."""
        ...

    def diff(self, old_inputs: Properties, old_outputs: Properties, new_inputs: Properties) -> Difference:
        """What changed between the last run and now, the world included where looking is cheap."""
        ...

    def preview(self, old_outputs: Properties | None, new_inputs: Properties) -> Properties:
        """The outputs that are certain before acting; `old_outputs` is None for a create. Must not act."""
        ...

    def create(self, inputs: Properties, timeout: float) -> Created:
        """Make it. `timeout` in seconds, 0 when the user set none. Must clean up after a killed
        predecessor.
        """
        ...

    def read(self, identifier: str, inputs: Properties, old_outputs: Properties) -> Properties | None:
        """The outputs as the world has them now, or None when nothing is left of the resource."""
        ...

    def update(
        self,
        identifier: str,
        old_inputs: Properties,
        old_outputs: Properties,
        new_inputs: Properties,
        timeout: float,
    ) -> Properties:
        """Change it in place and return the new outputs."""
        ...

    def delete(self, identifier: str, inputs: Properties, old_outputs: Properties, timeout: float) -> None:
        """Remove it and all it left; succeeds when it is gone already."""
        ...


def changed(old_inputs: Mapping[str, Any], new_inputs: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of the inputs that differ, sorted. `UNKNOWN` differs from everything."""
    names = sorted(set(old_inputs) | set(new_inputs))
    return tuple(name for name in names if old_inputs.get(name) != new_inputs.get(name))


__all__ = [
    "UNKNOWN",
    "Created",
    "Difference",
    "Fault",
    "Properties",
    "ResourceHandler",
    "Unknown",
    "changed",
]
