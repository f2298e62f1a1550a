"""Whether propagated workloads stay within the quota of their namespace over all clusters. Pure.

Counted is what each cluster gets, overrides included: the requests of a pod, times the replicas of its workload there.

Source: https://karmada.io/docs/userguide/bestpractices/federated-resource-quota/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from meshfleet.errors.faults import Fault
from meshfleet.federation.affinity import listed
from meshfleet.federation.candidates import Candidate
from meshfleet.federation.capacity import Room, amount, free_in
from meshfleet.federation.propagated import Propagated, Propagations
from meshfleet.federation.replicas import need_of, pod_need
from meshfleet.topology.fleet import Fleet

Taken = Mapping[str, Room]
"""What an object takes, by cluster; of each resource some amount."""


def quota_faults(fleet: Fleet, placed: Propagations) -> Iterator[Fault]:
    """A fault for each resource of which the objects of a namespace ask for more than its quota, with who takes it."""
    for name, namespace in fleet.namespaces.items():
        if namespace.federated_resource_quota is None:
            continue
        allowed = free_in([Candidate(name, capacity=namespace.federated_resource_quota.overall)]).rooms[name]
        objects = [(one, taken) for one in placed.objects if one.key.namespace == name and (taken := takes(one))]
        for resource, most in zip(Room._fields, allowed, strict=True):
            by_object = {_named(one): _of(taken, resource) for one, taken in objects}
            total = sum(sum(each.values()) for each in by_object.values())
            if most is not None and total > most:
                takers = listed(
                    _share(which, each, resource) for which, each in by_object.items() if any(each.values())
                )
                yield Fault(
                    f"namespaces.{name}.federatedResourceQuota.overall.{resource}",
                    f"{amount(resource, total)} are asked for over all clusters, {amount(resource, most)} are "
                    f"allowed: {takers}; ask for less, or raise the quota",
                )


def takes(one: Propagated) -> Taken:
    """What an object takes of each of its clusters; empty for one that makes no pods by number."""
    found: dict[int, Room] = {}
    taken: dict[str, Room] = {}
    for cluster, copy in one.copies.items():
        # Clusters whose objects are alike have the very same one.
        if id(copy) not in found:
            if (need := need_of(copy.body) or pod_need(copy.body)) is None:
                return {}
            cpu, memory = need.requests
            found[id(copy)] = Room(need.replicas * cpu, need.replicas * memory, need.replicas)
        taken[cluster] = found[id(copy)]
    return taken


def _of(taken: Taken, resource: str) -> dict[str, int]:
    return {cluster: getattr(room, resource) or 0 for cluster, room in taken.items()}


def _named(one: Propagated) -> str:
    return f"propagations.{one.propagation}: {one.key.kind} {one.key.name}"


def _share(which: str, by_cluster: Mapping[str, int], resource: str) -> str:
    where = listed(f"{amount(resource, count)} in {cluster}" for cluster, count in by_cluster.items() if count)
    return f"{which} ({where})"
