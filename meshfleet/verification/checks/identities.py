"""Each member says of everybody what the stack file says: SubjectAccessReviews of a sample of questions.

Source: https://kubernetes.io/docs/reference/kubernetes-api/authorization-resources/subject-access-review-v1/
"""

from __future__ import annotations

from collections.abc import Iterable

from meshfleet.federation.identities.authorizer import allowed
from meshfleet.federation.identities.policy import Request
from meshfleet.federation.identities.questions import Asked, sample
from meshfleet.identities.member import member
from meshfleet.verification.check import Check, Finding
from meshfleet.verification.view import ClusterView, FleetView

_SHOWN = 3


class Identities(Check):
    """Asks a cluster about what bindings grant, where they hold and elsewhere, and about what no subject is to have."""

    name = "identities"

    def targets(self, fleet: FleetView) -> tuple[ClusterView, ...]:
        # A cluster that nothing is bound in is asked as well: there everybody is to have nothing.
        declared = fleet.declared
        if declared is None or not declared.identities.bindings:
            return ()
        return tuple(cluster for cluster in fleet.clusters if cluster.name in declared.clusters)

    def evaluate(self, fleet: FleetView, cluster: ClusterView, timeout: float) -> Finding:
        assert fleet.declared is not None  # without it there are no targets
        questions = sample(fleet.declared)
        with member(cluster.name, cluster.kubeconfig, cluster.context, seconds=min(timeout, 10.0)) as asked_of:
            answers = [asked_of.allows(asked.identity, request) for asked, request in questions]
        expected = [allowed(fleet.declared, asked.identity, request, cluster.name) for asked, request in questions]
        differing = [
            (*question, answer)
            for question, answer, wanted in zip(questions, answers, expected, strict=True)
            if answer != wanted
        ]
        return judge(cluster.name, len(questions), differing)


def judge(cluster: str, count: int, differing: Iterable[tuple[Asked, Request, bool]]) -> Finding:
    """Whether all answers are as declared; else the first that are not, each with the member's answer. Pure."""
    found = [
        f"{asked.words} {'may' if answer else 'may not'} {request}, unlike the stack file says"
        for asked, request, answer in differing
    ]
    if not found:
        return Finding(True, f"{cluster} gives all {count} answers that the stack file gives")
    more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return Finding(False, f"{cluster}: {'; '.join(found[:_SHOWN])}{more}")
