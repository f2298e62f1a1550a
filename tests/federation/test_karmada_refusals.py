"""What Karmada cannot do as it is declared is refused with its place, and the advice leads to a good stack."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import pytest

from meshfleet.manifests.addition_faults import checked
from meshfleet.topology import TopologyError, load
from tests.federation.karmada_declarations import (
    FLEET,
    definition,
    override,
    propagation,
    settings,
    weights,
    workload,
)

pytestmark = pytest.mark.proof("a control plane of Karmada gets what the direct engine would do", step=0)

Config = dict[str, Any]
OBJECT = "propagations.web.resources[0].object"
BINDING: Config = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "RoleBinding",
    "metadata": {"name": "readers", "namespace": "shop"},
    "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"},
    "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "alice"}],
}
ACCOUNT: Config = {"kind": "ServiceAccount", "name": "web", "namespace": "shop"}
WAVES: Config = {"waves": [{"clusters": 1}]}


def bare(kind: str, version: str, name: str = "web", namespace: str = "", **more: Any) -> Config:
    described = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": version, "kind": kind, "metadata": described} | more


def converting() -> Config:
    made = definition("basket")
    hook = {"clientConfig": {"url": "https://x.example"}, "conversionReviewVersions": ["v1"]}
    return made | {"spec": made["spec"] | {"conversion": {"strategy": "Webhook", "webhook": hook}}}


def of_karmada() -> Config:
    made = definition("basket")
    spec = made["spec"] | {"group": "policy.karmada.io"}
    return made | {"metadata": {"name": "baskets.policy.karmada.io"}, "spec": spec}


@dataclass(frozen=True)
class Refused:
    """A propagation, the fault, and the propagation as the advice makes it; None where it is to be left out."""

    title: str
    declared: Config
    path: str
    message: str
    better: Config | None = None


REFUSED = [
    Refused(
        "waves",
        propagation(settings("web"), rollout=WAVES),
        "propagations.web.rollout",
        "Karmada brings a change to all clusters at once; leave it out, or use the engine direct",
        propagation(settings("web")),
    ),
    Refused(
        "a share that comes back",
        propagation(workload("web"), failover={"after": "5m"}),
        "propagations.web.failover.recover",
        "does not bring a share back by itself; write recover: Never",
        propagation(workload("web"), failover={"after": "5m", "recover": "Never"}),
    ),
    Refused(
        "a share that stays where it moves from",
        propagation(workload("web"), failover={"evict": False, "recover": "Never"}),
        "propagations.web.failover.evict",
        "takes a share away where it moves from",
        propagation(workload("web"), failover={"recover": "Never"}),
    ),
    Refused(
        "a namespace",
        propagation(bare("Namespace", "v1", "own")),
        f"{OBJECT}.kind",
        "is a namespace, which Karmada would remove with all that others have in it; declare it in namespaces",
    ),
    Refused(
        "a resource of Istio",
        propagation(bare("VirtualService", "networking.istio.io/v1", namespace="shop", spec={"hosts": ["a"]})),
        f"{OBJECT}.kind",
        "is defined in the clusters by the fleet, and not in the API server of Karmada",
    ),
    Refused(
        "a webhook",
        propagation(bare("ValidatingWebhookConfiguration", "admissionregistration.k8s.io/v1", webhooks=[])),
        f"{OBJECT}.kind",
        "the API server of Karmada would itself act by a ValidatingWebhookConfiguration",
    ),
    Refused(
        "an aggregated API",
        propagation(bare("APIService", "apiregistration.k8s.io/v1", "v1.x.example", spec={"group": "x.example"})),
        f"{OBJECT}.kind",
        "the API server of Karmada would itself act by a APIService",
    ),
    Refused(
        "a definition with a webhook",
        propagation(converting()),
        f"{OBJECT}.spec.conversion",
        "the API server of Karmada would itself ask its webhook",
        propagation(definition("basket")),
    ),
    Refused(
        "a definition of Karmada's own",
        propagation(of_karmada()),
        f"{OBJECT}.spec.group",
        "is a group of Karmada itself; leave it out",
    ),
    Refused(
        "rights of people",
        propagation(BINDING),
        f"{OBJECT}.subjects",
        "who would have the same rights in the API server of Karmada; declare them in identities",
        propagation(BINDING | {"subjects": [ACCOUNT]}),
    ),
    Refused(
        "a copy of the number of replicas",
        propagation(
            workload("web", 6),
            placement=weights(west=1, east=2),
            overrides=(override(json=[{"op": "copy", "from": "/spec/replicas", "path": "/spec/minReadySeconds"}]),),
        ),
        OBJECT,
        "what overrides make of it in east depends on the replicas that it has there, which Karmada may change",
        propagation(
            workload("web", 6),
            placement=weights(west=1, east=2),
            overrides=(override(json=[{"op": "add", "path": "/spec/minReadySeconds", "value": 2}]),),
        ),
    ),
]


def stack(declared: Config | None, engine: str = "karmada", **more: Any) -> Config:
    config = copy.deepcopy(FLEET) | {"propagations": {} if declared is None else {"web": declared}} | more
    return config if engine == "karmada" else config | {"federation": {"engine": engine}}


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: str(case.title))
def test_each_is_refused_at_its_place_and_the_advice_helps(case: Refused) -> None:
    with pytest.raises(TopologyError) as caught:
        checked(load("shop", stack(case.declared)))
    ((path, message),) = [(fault.path, fault.message) for fault in caught.value.faults]
    assert path == case.path
    assert case.message in message
    checked(load("shop", stack(case.better)))
    # The direct engine has no such limit.
    checked(load("shop", stack(case.declared, "direct")))


def test_a_cluster_that_is_called_as_a_secret_of_another_one_is_refused() -> None:
    names = ("east", "east-impersonator")
    config = {
        "host": "east",
        "networks": {name: {} for name in names},
        "clusters": {name: {"embedded": {}, "network": name} for name in names},
        "federation": FLEET["federation"],
    }
    with pytest.raises(TopologyError) as caught:
        checked(load("shop", config))
    assert {fault.path: fault.message for fault in caught.value.faults} == {
        "clusters.east-impersonator": "is what Karmada calls a Secret of the cluster east; "
        "give one of them another name",
    }
