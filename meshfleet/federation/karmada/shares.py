"""What an object is in a cluster once Karmada has written a share of the replicas into it, and then overrides.

Karmada divides first and overrides then, as the direct engine does; but it may divide in another way later. So what an
override makes of an object must not depend on the share that it finds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from meshfleet.errors import DocumentError
from meshfleet.federation.candidates import Candidate
from meshfleet.federation.copies import Copy, Targets, copies
from meshfleet.federation.karmada.scheduling import replicas_of
from meshfleet.federation.propagated import Propagated
from meshfleet.topology.propagation.kinds import REPLICA_FIELDS, kind_of, mapping
from meshfleet.topology.propagation.propagation import Propagation

Object = dict[str, Any]


@dataclass(frozen=True)
class Shared:
    """An object in a cluster: as overrides find it, and with them.

    `stands` says whether the share that Karmada writes is what the cluster is to have; else an override decides.
    """

    before: Object
    copy: Copy
    stands: bool = True


def shared(
    one: Propagated, propagation: Propagation, clusters: Sequence[Candidate], names: Sequence[str], *, divided: bool
) -> dict[str, Shared]:
    """The object in each cluster of `names`, placed there or not.

    Raises DocumentError for overrides whose outcome depends on the replicas that the cluster has.
    """
    targets = Targets(propagation.overrides, clusters)
    path = f"propagations.{one.propagation}"
    if not divided:
        # What the direct engine divides and Karmada does not is in the shares of the decision.
        bodies = {name: one.shared.get(name, one.body) for name in names}
        made = copies(bodies, propagation.overrides, targets, path)
        return {name: Shared(one.body, made[name]) for name in names}
    bodies = {name: one.shared.get(name) or _with(one.body, replicas_of(one.body)) for name in names}
    made = copies(bodies, propagation.overrides, targets, path)
    others = copies({name: _other(body) for name, body in bodies.items()}, propagation.overrides, targets, path)
    return {
        name: Shared(body, made[name], _stands(body, made[name].body, others[name].body, name))
        for name, body in bodies.items()
    }


def _stands(before: Object, made: Object, other: Object, cluster: str) -> bool:
    field = REPLICA_FIELDS[kind_of(before)]
    if _without(made, field) != _without(other, field):
        raise DocumentError(
            f"what overrides make of it in {cluster} depends on the replicas that it has there, which Karmada may "
            "change; write values that do not"
        )
    found, else_ = (mapping(body.get("spec")).get(field) for body in (made, other))
    return bool(found != else_)


def _with(body: Object, replicas: int) -> Object:
    return body | {"spec": {**mapping(body.get("spec")), REPLICA_FIELDS[kind_of(body)]: replicas}}


def _other(body: Object) -> Object:
    """The same with another share of the replicas."""
    return _with(body, replicas_of(body) + 1)


def _without(body: Object, field: str) -> Mapping[str, Any]:
    return body | {"spec": {key: value for key, value in mapping(body.get("spec")).items() if key != field}}
