"""What Karmada cannot do as it is declared, each with its place, the reason and what to do. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from meshfleet.errors import DocumentError
from meshfleet.errors.faults import Fault
from meshfleet.federation.candidates import candidates
from meshfleet.federation.karmada.placements import compiled, is_live
from meshfleet.federation.karmada.shares import shared
from meshfleet.federation.propagated import Propagated, propagations
from meshfleet.topology.fleet import Fleet
from meshfleet.topology.propagation.failover import NEVER
from meshfleet.topology.propagation.kinds import (
    CERT_MANAGER_GROUPS,
    DEFINITION,
    GATEWAY_API_GROUPS,
    ISTIO_GROUPS,
    NAMESPACE,
    mapping,
)

_IMPERSONATOR: Final = "-impersonator"
_OWN_GROUP: Final = ".karmada.io"
_OWN_NAMESPACE: Final = "karmada-"
_FLEETS: Final = ISTIO_GROUPS | GATEWAY_API_GROUPS | CERT_MANAGER_GROUPS
_RBAC: Final = "rbac.authorization.k8s.io"
_ADMISSION: Final = "admissionregistration.k8s.io"
_AT_WORK: Final = {
    (_ADMISSION, "MutatingWebhookConfiguration"),
    (_ADMISSION, "ValidatingWebhookConfiguration"),
    (_ADMISSION, "MutatingAdmissionPolicy"),
    (_ADMISSION, "MutatingAdmissionPolicyBinding"),
    (_ADMISSION, "ValidatingAdmissionPolicy"),
    (_ADMISSION, "ValidatingAdmissionPolicyBinding"),
    ("apiregistration.k8s.io", "APIService"),
    ("flowcontrol.apiserver.k8s.io", "FlowSchema"),
    ("flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration"),
}
"""What an API server acts by as soon as it has it, that of Karmada too."""
_DIRECT: Final = "or use the engine direct"


def refusals(fleet: Fleet) -> list[Fault]:
    """Every fault of a fleet whose engine is Karmada; none for another engine."""
    if fleet.federation.engine != "karmada":
        return []
    found = [*_clusters(fleet), *_propagations(fleet)]
    for one in propagations(fleet).objects:
        found += _object(one)
    return found or [*_overrides(fleet)]


def _clusters(fleet: Fleet) -> Iterator[Fault]:
    for name in fleet.clusters:
        other = name.removesuffix(_IMPERSONATOR)
        if other != name and other in fleet.clusters:
            yield Fault(
                f"clusters.{name}",
                f"is what Karmada calls a Secret of the cluster {other}; give one of them another name",
            )


def _propagations(fleet: Fleet) -> Iterator[Fault]:
    live = is_live(fleet)
    installed = fleet.federation.karmada is not None and fleet.federation.karmada.chart is not None
    for name, propagation in fleet.propagations.items():
        for field, given in (
            ("followDependencies", propagation.follow_dependencies),
            ("placement.workloadAffinity", propagation.placement.workload_affinity is not None),
        ):
            if live and given:
                yield Fault(
                    f"propagations.{name}.{field}",
                    "names clusters that Karmada could move away from; leave it out, or write scheduling: declared in "
                    "federation.karmada",
                )
        if propagation.rollout is not None:
            yield Fault(
                f"propagations.{name}.rollout",
                f"Karmada brings a change to all clusters at once; leave it out, {_DIRECT}",
            )
        if propagation.failover is not None and installed:
            yield Fault(
                f"propagations.{name}.failover",
                "Karmada's chart has no value for the flag of its webhook that failover needs "
                "(--allow-no-execute-taint-policy); leave it out, give a control plane that has it as "
                f"federation.karmada.kubeconfig, {_DIRECT}",
            )
        if propagation.failover is not None and propagation.failover.recover != NEVER:
            yield Fault(
                f"propagations.{name}.failover.recover",
                f"Karmada does not bring a share back by itself; write recover: {NEVER}, {_DIRECT}",
            )
        if propagation.failover is not None and not propagation.failover.evict:
            yield Fault(
                f"propagations.{name}.failover.evict",
                f"Karmada takes a share away where it moves from; leave it out, {_DIRECT}",
            )


def _object(one: Propagated) -> Iterator[Fault]:
    kind, body = one.key[:2], one.body
    if kind == NAMESPACE:
        yield Fault(
            f"{one.path}.kind",
            "is a namespace, which Karmada would remove with all that others have in it; declare it in namespaces",
        )
    if one.key.namespace.startswith(_OWN_NAMESPACE):
        yield Fault(
            f"{one.path}.metadata.namespace",
            f"Karmada takes namespaces that begin with {_OWN_NAMESPACE} for its own; use another one",
        )
    if one.key.group in _FLEETS:
        yield Fault(
            f"{one.path}.kind",
            f"{one.key.kind} of {one.key.group} is defined in the clusters by the fleet, and not in the API server of "
            f"Karmada, which could keep none; leave it out, {_DIRECT}",
        )
    if kind == DEFINITION:
        yield from _definition(one, mapping(body.get("spec")))
    if kind in _AT_WORK:
        yield Fault(
            f"{one.path}.kind",
            f"the API server of Karmada would itself act by a {one.key.kind}; leave it out, {_DIRECT}",
        )
    if one.key.group == _RBAC and one.key.kind.endswith("Binding"):
        subjects = body.get("subjects") or ()
        if any(mapping(each).get("kind") != "ServiceAccount" for each in subjects):
            yield Fault(
                f"{one.path}.subjects",
                "binds users or groups, who would have the same rights in the API server of Karmada; declare them in "
                f"identities, {_DIRECT}",
            )


def _definition(one: Propagated, spec: Any) -> Iterator[Fault]:
    if str(spec.get("group")).endswith(_OWN_GROUP):
        yield Fault(f"{one.path}.spec.group", "is a group of Karmada itself; leave it out")
    if mapping(spec.get("conversion")).get("strategy") == "Webhook":
        yield Fault(
            f"{one.path}.spec.conversion",
            f"the API server of Karmada would itself ask its webhook, which is not there; leave it out, {_DIRECT}",
        )


def _overrides(fleet: Fleet) -> Iterator[Fault]:
    """What an override makes of an object must be the same whatever share Karmada gives it."""
    clusters, live = candidates(fleet), is_live(fleet)
    for one in propagations(fleet).objects:
        propagation = fleet.propagations[one.propagation]
        found = compiled(one, propagation.placement, clusters, live=live)
        try:
            shared(one, propagation, clusters, list(one.copies), divided=found.divides)
        except DocumentError as error:
            yield Fault(one.path, str(error))
