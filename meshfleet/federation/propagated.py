"""What each cluster gets of the propagations of a fleet: one pass over all of them, in the order of the stack file.

What a workload takes of the capacity of clusters is taken from those that stand after it, whether capacity decides
about its own replicas or not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from meshfleet.errors.faults import Fault
from meshfleet.federation.candidates import Candidate, candidates
from meshfleet.federation.capacity import Free, free_in
from meshfleet.federation.copies import Copy, Object, Targets, copies
from meshfleet.federation.eligibility import groups
from meshfleet.federation.fitting import Need
from meshfleet.federation.placement import Decision, beside, place_in
from meshfleet.federation.replicas import need_of, pod_need, replicas_in, with_shares
from meshfleet.topology.fleet import Fleet
from meshfleet.topology.propagation.kinds import REPLICA_FIELDS, ObjectKey, key_of, kind_of
from meshfleet.topology.propagation.propagation import Propagation


@dataclass(frozen=True)
class Propagated:
    """An object of a propagation, where it goes, and what each of these clusters gets.

    `position` is that among the resources of its propagation. `shared` are the bodies before overrides, with the
    replicas of each cluster, `copies` those with overrides.
    """

    propagation: str
    position: int
    body: Object
    key: ObjectKey
    decision: Decision
    shared: Mapping[str, Object]
    copies: Mapping[str, Copy]

    @property
    def path(self) -> str:
        """Where it stands in the stack file."""
        return object_path(self.propagation, self.position)

    @property
    def replicas(self) -> dict[str, int] | None:
        """The replicas that each cluster is to run, overrides included; None for an object without."""
        if kind_of(self.body) not in REPLICA_FIELDS:
            return None
        return {cluster: replicas_in(copy.body) for cluster, copy in self.copies.items()}


@dataclass(frozen=True)
class Propagations:
    """All propagated objects in the order of the stack file, and what is wrong with those that are left out."""

    objects: tuple[Propagated, ...] = ()
    faults: tuple[Fault, ...] = ()
    by_cluster: Mapping[str, tuple[Propagated, ...]] = field(default_factory=dict)

    def of(self, cluster: str) -> tuple[Propagated, ...]:
        """The objects that go to a cluster."""
        return self.by_cluster.get(cluster, ())


def propagations(fleet: Fleet) -> Propagations:
    """The propagations of a fleet, placed; computed once."""
    return fleet.derived(_placed)


def object_path(propagation: str, position: int) -> str:
    """Where an object stands in the stack file."""
    return f"propagations.{propagation}.resources[{position}].object"


def _placed(fleet: Fleet) -> Propagations:
    if not fleet.propagations:
        return Propagations()
    clusters = candidates(fleet)
    free = free_in(clusters)
    objects: list[Propagated] = []
    wrong: list[Fault] = []
    for name, propagation in fleet.propagations.items():
        each = _Pass(name, propagation, clusters, free, objects, wrong)
        each.run()
        free = each.free
    by_cluster: dict[str, list[Propagated]] = {}
    for one in objects:
        for cluster in one.copies:
            by_cluster.setdefault(cluster, []).append(one)
    return Propagations(tuple(objects), tuple(wrong), {name: tuple(found) for name, found in by_cluster.items()})


_Needs = tuple[Need | None, Need | None]
"""What an object needs as a workload, and as a single Pod."""


@dataclass
class _Pass:
    """Places the objects of one propagation, in order."""

    name: str
    propagation: Propagation
    clusters: Sequence[Candidate]
    free: Free
    objects: list[Propagated]
    wrong: list[Fault]

    def run(self) -> None:
        """Workloads first: where they go decides about what they read."""
        bodies = [resource.object for resource in self.propagation.resources]
        needs: dict[int, _Needs] = {}
        for position, body in enumerate(bodies):
            try:
                needs[position] = need_of(body), pod_need(body)
            except ValueError as error:
                self._fault(position, str(error))
        alternatives = groups(self.propagation.placement, self.clusters)
        targets = Targets(self.propagation.overrides, self.clusters)
        wrong = list(targets.faults(f"propagations.{self.name}", bodies))
        self.wrong += wrong
        placed: dict[int, Propagated] = {}
        workloads: list[Decision] = []
        for position in sorted(needs, key=lambda position: needs[position][0] is None):
            workload, pod = needs[position]
            decision = place_in(alternatives, self.propagation.placement, self.clusters, workload, self.free)
            if workload is not None:
                workloads.append(decision)
            elif workloads:
                decision = beside(decision, workloads, self.clusters)
            if decision.pending:
                self.wrong.append(Fault(object_path(self.name, position), f"cannot be placed: {decision.pending}"))
            if decision.pending or wrong:
                continue
            placed[position] = self._placed(position, bodies[position], decision, targets)
            self._take(placed[position], workload, pod)
        self.objects += (one for _, one in sorted(placed.items()))

    def _placed(self, position: int, body: Object, decision: Decision, targets: Targets) -> Propagated:
        divided = self.propagation.placement.replica_scheduling.replica_scheduling_type == "Divided"
        if divided and decision.replicas is not None:
            shared = with_shares(body, decision.replicas)
        else:
            # What an autoscaler decides in each cluster is not written where the object leaves it out.
            shared = dict.fromkeys(decision.clusters, body)
        made = copies(shared, self.propagation.overrides, targets, f"propagations.{self.name}")
        return Propagated(self.name, position, body, key_of(body), decision, shared, made)

    def _take(self, one: Propagated, workload: Need | None, pod: Need | None) -> None:
        """What the object takes of the capacity of its clusters is no longer free."""
        if pod is not None:
            self.free = self.free.less(pod.requests, dict.fromkeys(one.copies, 1))
        if workload is not None:
            try:
                self.free = self.free.less(workload.requests, one.replicas or {})
            except ValueError as error:
                self.wrong.append(Fault(one.path, f"with its overrides {error}"))

    def _fault(self, position: int, text: str) -> None:
        where, _, why = text.partition(": ")
        self.wrong.append(Fault(f"{object_path(self.name, position)}.{where}", why))
