"""What each cluster gets of the propagations of a fleet: one pass over all of them, in the order of their names.

What a workload takes of the capacity of clusters is taken from those that stand after it, whether capacity decides
about its own replicas or not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from meshfleet.errors.faults import Fault
from meshfleet.federation.candidates import Candidate, candidates
from meshfleet.federation.capacity import Free, free_in
from meshfleet.federation.copies import Copy, Object, Targets, copies
from meshfleet.federation.eligibility import Group, groups, without
from meshfleet.federation.evictions import evictions_held, together, with_evictions_told, without_evicted
from meshfleet.federation.fitting import Need
from meshfleet.federation.following import UNREFERRED, Followed, followed
from meshfleet.federation.placement import Decision, beside, place_in
from meshfleet.federation.replicas import need_of, pod_need, replicas_in, with_shares
from meshfleet.federation.workload_affinity import Peers, is_grouped, separates, ungrouped
from meshfleet.topology.fleet import Evictions, Fleet
from meshfleet.topology.propagation.kinds import REPLICA_FIELDS, ObjectKey, key_of, kind_of
from meshfleet.topology.propagation.propagation import Propagation


@dataclass(frozen=True)
class Propagated:
    """An object of a propagation, where it goes, and what each of these clusters gets.

    `position` is that among the objects of its propagation, `path` where it stands in the stack file. `shared` are the
    bodies before overrides, with the replicas of each cluster, `copies` those with overrides. `follows` names the
    objects that refer to it where it is for their sake alone; `requires` are the propagated objects that it refers to
    itself, in the clusters in which its references are followed.
    """

    propagation: str
    position: int
    path: str
    body: Object
    key: ObjectKey
    decision: Decision
    shared: Mapping[str, Object]
    copies: Mapping[str, Copy]
    follows: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    requires: Mapping[str, tuple[ObjectKey, ...]] = field(default_factory=dict)

    @property
    def replicas(self) -> dict[str, int] | None:
        """The replicas that each cluster is to run, overrides included; None for an object without."""
        if kind_of(self.body) not in REPLICA_FIELDS:
            return None
        return {cluster: replicas_in(copy.body) for cluster, copy in self.copies.items()}


@dataclass(frozen=True)
class Propagations:
    """All propagated objects by the names of their propagations, and what is wrong with those that are left out.

    `notes` say, in words, what may be meant otherwise and is not wrong.
    """

    objects: tuple[Propagated, ...] = ()
    faults: tuple[Fault, ...] = ()
    by_cluster: Mapping[str, tuple[Propagated, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def of(self, cluster: str) -> tuple[Propagated, ...]:
        """The objects that go to a cluster."""
        return self.by_cluster.get(cluster, ())


def recorded_object(propagation: str, cluster: str, body: Object) -> Propagated:
    """An object as a cluster was brought it, with nothing of what is declared by now."""
    decision = Decision((cluster,), "", {}, None, "", {})
    return Propagated(propagation, 0, "", body, key_of(body), decision, {cluster: body}, {cluster: Copy(body)})


def propagations(fleet: Fleet) -> Propagations:
    """The propagations of a fleet, placed; computed once."""
    return fleet.derived(_placed)


def _placed(fleet: Fleet) -> Propagations:
    if not fleet.propagations:
        return Propagations()
    declared = Peers()
    if separates(fleet) and (fleet.evictions or fleet.evictions_before):
        _pass(fleet, {}, declared)
    found = _pass(fleet, fleet.evictions, declared.standing(fleet.evictions))
    placed = list(found.objects)
    for before in evictions_held(fleet):
        placed = together(_pass(fleet, before, declared.standing(before)).objects, placed, tuple(fleet.clusters))
    by_cluster: dict[str, list[Propagated]] = {}
    for one in placed:
        for cluster in one.copies:
            by_cluster.setdefault(cluster, []).append(one)
    return Propagations(
        tuple(placed),
        found.faults,
        {name: tuple(each) for name, each in by_cluster.items()},
        (*found.notes, *ungrouped(fleet)),
    )


def _pass(fleet: Fleet, evictions: Evictions, peers: Peers) -> Followed:
    """All objects, placed without the clusters that the shares of their propagations are taken from."""
    # What an order decides (ties, what capacity is left) is the same for everybody who reads the stack file.
    clusters = sorted(candidates(fleet), key=lambda cluster: cluster.name)
    free = free_in(clusters)
    objects: list[Propagated] = []
    wrong: list[Fault] = []
    targets: dict[str, Targets] = {}
    for name, propagation in fleet.propagations.items():
        seen = without_evicted(clusters, evictions.get(name, {}))
        each = _Pass(name, propagation, seen, free, peers, objects, wrong)
        targets[name] = each.run()
        free = each.free
    found = followed(fleet, objects, targets, tuple(cluster.name for cluster in clusters))
    return replace(found, faults=(*wrong, *found.faults))


_Needs = tuple[Need | None, Need | None]
"""What an object needs as a workload, and as a single Pod."""


@dataclass
class _Pass:
    """Places the objects of one propagation, in order."""

    name: str
    propagation: Propagation
    clusters: Sequence[Candidate]
    free: Free
    peers: Peers
    objects: list[Propagated]
    wrong: list[Fault]

    def run(self) -> Targets:
        """Workloads first: where they go decides about what they read."""
        bodies = [resource.body for resource in self.propagation.resources]
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
        known: dict[int | None, Decision] = {}
        bound = False
        for position in sorted(needs, key=lambda position: needs[position][0] is None):
            workload, pod = needs[position]
            decision = self._decided(alternatives, bodies[position], workload, known)
            if workload is not None:
                workloads.append(decision)
                bound = bound or is_grouped(self.propagation.placement, bodies[position])
            elif workloads and not is_grouped(self.propagation.placement, bodies[position]):
                decision = beside(decision, workloads, self.clusters, bound=bound)
            decision = with_evictions_told(decision, self.clusters)
            if decision.pending:
                self.wrong.append(Fault(self._path(position), f"cannot be placed: {decision.pending}"))
            if decision.pending or wrong:
                continue
            placed[position] = self._placed(position, bodies[position], decision, targets)
            self._take(placed[position], workload, pod)
        self.objects += (one for _, one in sorted(placed.items()))
        return targets

    def _decided(
        self, alternatives: Sequence[Group], body: Object, workload: Need | None, known: dict[int | None, Decision]
    ) -> Decision:
        """Where an object goes by itself, bound by others of its group."""
        placement = self.propagation.placement
        if self.propagation.only_as_dependencies:
            nowhere = {cluster.name: UNREFERRED for cluster in self.clusters}
            return Decision((), "", nowhere, None if workload is None else {}, "", {})
        if not is_grouped(placement, body):
            return self._decision(alternatives, workload, known)
        barred = self.peers.barred(placement, body)
        found = place_in(without(alternatives, barred), placement, self.clusters, workload, self.free)
        if not found.pending:
            self.peers.add(placement, body, found.clusters, (cluster.name for cluster in self.clusters))
        return found

    def _decision(
        self, alternatives: Sequence[Group], workload: Need | None, known: dict[int | None, Decision]
    ) -> Decision:
        """Where an object goes. Where nothing depends on what is free, all with as many replicas go the same way."""
        placement = self.propagation.placement
        replicas = None if workload is None else workload.replicas
        if replicas and placement.by_capacity:
            return place_in(alternatives, placement, self.clusters, workload, self.free)
        if replicas not in known:
            known[replicas] = place_in(alternatives, placement, self.clusters, workload, self.free)
        return known[replicas]

    def _placed(self, position: int, body: Object, decision: Decision, targets: Targets) -> Propagated:
        divided = self.propagation.placement.replica_scheduling.replica_scheduling_type == "Divided"
        if divided and decision.replicas is not None:
            shared = with_shares(body, decision.replicas)
        else:
            # What an autoscaler decides in each cluster is not written where the object leaves it out.
            shared = dict.fromkeys(decision.clusters, body)
        made = copies(shared, self.propagation.overrides, targets, f"propagations.{self.name}")
        path = self._path(position)
        return Propagated(self.name, position, path, body, key_of(body), decision, shared, made)

    def _take(self, one: Propagated, workload: Need | None, pod: Need | None) -> None:
        """What the object takes of the capacity of its clusters is no longer free."""
        if pod is not None:
            self.free = self.free.less(pod.requests, dict.fromkeys(one.copies, 1))
        if workload is not None:
            try:
                self.free = self.free.less(workload.requests, one.replicas or {})
            except ValueError as error:
                self.wrong.append(Fault(one.path, f"with its overrides {error}"))

    def _path(self, position: int) -> str:
        return self.propagation.resources[position].path(self.name, position)

    def _fault(self, position: int, text: str) -> None:
        where, _, why = text.partition(": ")
        self.wrong.append(Fault(f"{self._path(position)}.{where}", why))
