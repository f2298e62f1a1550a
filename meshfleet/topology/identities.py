"""Whether each cluster of a stack is still the one that the stack recorded under its name. Pure.

A name, a context and an address can all come to lead to another cluster; an identity cannot. For an existing cluster
it is the UID of the namespace `kube-system`, which lives exactly as long as the cluster's data
(https://github.com/kubernetes/kubernetes/issues/77487, and the attribute `k8s.cluster.uid` in
https://opentelemetry.io/docs/specs/semconv/resource/k8s/#cluster); for an embedded one it is derived from the
certificate authority in its folder. Commands differ in what they do about a verdict, never in the verdict.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import Enum

from meshfleet.errors.faults import Fault
from meshfleet.providers.registry import is_local, provider_of
from meshfleet.redaction.shown import shown


class Verdict(Enum):
    """What a cluster is, compared with what the stack recorded under its name."""

    SAME = "the recorded cluster"
    NEW = "a cluster of which nothing is recorded yet"
    UNREAD = "its identity cannot be read now, which says nothing about it"
    RECREATED = "another cluster in the place of the recorded one, which is gone"
    MISTAKEN = "a cluster that must not be used under this name"


@dataclass(frozen=True)
class Living:
    """What was read of a declared cluster: its identity, or, where that is empty, the reason it could not be read."""

    provider: str
    identity: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Decision:
    """The verdict on one cluster.

    `before` is the recorded identity and `now` the one that was read, both empty where not known. `fault` says what is
    wrong in the stack file and the way out, for MISTAKEN alone.
    """

    verdict: Verdict
    before: str = ""
    now: str = ""
    fault: Fault | None = None
    reason: str = ""

    @property
    def foreign(self) -> bool:
        """Whether nothing of the stack may be read, changed or deleted in the cluster under this name."""
        return self.verdict in (Verdict.RECREATED, Verdict.MISTAKEN)


@dataclass(frozen=True)
class World:
    """What else is known of clusters.

    `answering` are the recorded clusters that still answer under the access that the stack recorded, although their
    names lead elsewhere now. `other_stacks` says which cluster of which other stack an identity is (`dev's west`).
    """

    answering: Collection[str] = ()
    other_stacks: Mapping[str, str] = field(default_factory=dict)


def decide(
    recorded: Mapping[str, str], living: Mapping[str, Living], world: World | None = None
) -> dict[str, Decision]:
    """A decision for each declared cluster, in the order of `living`.

    `recorded` has the identity of each cluster in the state, by its name; those that are not declared any more count:
    a renamed cluster is found by them.
    """
    return {name: _decision(name, found, recorded, living, world or World()) for name, found in living.items()}


def _decision(
    name: str, found: Living, recorded: Mapping[str, str], living: Mapping[str, Living], world: World
) -> Decision:
    before, now = recorded.get(name, ""), found.identity
    if not now:
        return Decision(Verdict.UNREAD, before, reason=found.reason)
    if before == now:
        return Decision(Verdict.SAME, before, now)
    if text := _mistake(name, found, recorded, living, world):
        field_path = provider_of(found.provider).leads_to
        return Decision(Verdict.MISTAKEN, before, now, Fault(f"clusters.{name}.{field_path}", text))
    return Decision(Verdict.RECREATED if before else Verdict.NEW, before, now)


def _mistake(name: str, found: Living, recorded: Mapping[str, str], living: Mapping[str, Living], world: World) -> str:
    """What is wrong with a cluster that is not the recorded one, and the way out; empty when nothing is."""
    before, now = recorded.get(name, ""), found.identity
    twins = [twin for twin, other in living.items() if twin != name and other.identity == now]
    owners = [owner for owner, identity in recorded.items() if owner != name and identity == now]
    if is_local(found.provider) and (owners or before):
        whose = f"the one that the stack has as {shown(owners[0])}" if owners else f"{now}, unknown to the stack"
        return (
            f"the folder of {shown(name)} on this machine holds another cluster than it should: {whose}; put the "
            "right folder back, or remove it and run up, which creates the cluster with all that the stack has in it "
            "again"
        )
    if twins:
        return (
            f"leads to the same cluster as {' and '.join(map(shown, twins))}; a cluster has one name in a stack: take "
            f"{shown(name)} out of the file, or name the kubeconfig and context of another cluster"
        )
    if owners and owners[0] in living:
        return (
            f"leads to the cluster that the stack has as {shown(owners[0])}; name the kubeconfig and context of "
            f"{shown(name)} itself, or take both clusters out of the file, run up, and add them again"
        )
    if owners:
        return (
            f"leads to the cluster that the stack has as {shown(owners[0])}; the name of a cluster is part of all that "
            f"is in it and cannot change in place: name it {shown(owners[0])} again; or take it out of the file and "
            f"run up, which removes what is in it, then add it as {shown(name)} and run up again"
        )
    if not before and now in world.other_stacks:
        return (
            f"leads to a cluster of another stack, {world.other_stacks[now]}; a cluster belongs to one stack: take it "
            "out of that one and run up there, or name another cluster here"
        )
    if before and name in world.answering:
        return (
            f"leads to another cluster ({now}) than the one that the stack has as {shown(name)} ({before}), which "
            f"still responds; take {shown(name)} out of the file and run up, which removes what is in it, then add "
            "it again; or declare the other cluster under a name of its own"
        )
    return ""
