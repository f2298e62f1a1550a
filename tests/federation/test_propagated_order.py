"""What each cluster gets of propagations comes in an order in which every API server takes it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from meshfleet.federation.propagated import propagations
from meshfleet.manifests import Document, cluster_plan, fleet_plan
from meshfleet.manifests.objects import Object, Release
from meshfleet.manifests.propagated_order import Tier, tier
from meshfleet.manifests.propagations import document_name
from meshfleet.topology import Fleet, load
from meshfleet.topology.propagation.kinds import DEFINITION, NAMESPACE, ObjectKey, key_of, kind_of
from tests.examples import up_to
from tests.topology.strategies import loaded_fleets

pytestmark = pytest.mark.proof("propagated objects go where their placement says", step=0)

quick = up_to(40)


def propagated(plan: list[Document]) -> list[Document]:
    return [document for document in plan if document.section.name == "propagations"]


def before(plan: list[Document], document: Document) -> set[str]:
    """The documents that one waits for, through others too."""
    known = {one.name: one for one in plan}
    found: set[str] = set()
    waiting = [*document.after]
    while waiting:
        name = waiting.pop()
        if name in known and name not in found:
            found.add(name)
            waiting += known[name].after
    return found


def body_of(document: Document) -> Object:
    """The object of a document that is no release."""
    assert not isinstance(document.body, Release)
    return document.body


@quick
@given(loaded_fleets())
def test_each_cluster_has_exactly_what_is_placed_in_it(fleet: Fleet) -> None:
    placed = propagations(fleet)
    for cluster, plan in fleet_plan(fleet).items():
        expected = {one.key for one in placed.objects if cluster in one.decision.clusters}
        assert {key_of(body_of(document)) for document in propagated(plan)} == expected


@quick
@given(loaded_fleets())
def test_namespaces_come_before_contents_and_definitions_before_objects(fleet: Fleet) -> None:
    for plan in fleet_plan(fleet).values():
        names = [document.name for document in plan]
        made: dict[Any, str] = {}
        for document in plan:
            body: Any = document.body
            if isinstance(body, dict) and kind_of(body) == NAMESPACE:
                made[body["metadata"]["name"]] = document.name
            elif isinstance(body, dict) and kind_of(body) == DEFINITION:
                made[body["spec"]["group"], body["spec"]["names"]["kind"]] = document.name
        for document in propagated(plan):
            key = key_of(body_of(document))
            for needed in (made.get(key.namespace), made.get(key[:2])):
                if needed is not None:
                    assert needed in before(plan, document)
                    assert names.index(needed) < names.index(document.name)


@quick
@given(loaded_fleets())
def test_within_a_propagation_each_tier_waits_for_the_ones_before(fleet: Fleet) -> None:
    placed = propagations(fleet)
    for cluster, plan in fleet_plan(fleet).items():
        known = {document.name: document for document in plan}
        objects = placed.of(cluster)
        for one in objects:
            waits = before(plan, known[document_name(one.propagation, one.key)])
            for other in objects:
                if other.propagation == one.propagation and tier(other.key[:2]) < tier(one.key[:2]):
                    assert document_name(other.propagation, other.key) in waits


@quick
@given(loaded_fleets())
def test_replicas_of_a_divided_workload_add_up_to_what_is_declared(fleet: Fleet) -> None:
    for one in propagations(fleet).objects:
        scheduling = fleet.propagations[one.propagation].placement.replica_scheduling
        if one.replicas is not None and scheduling.replica_scheduling_type == "Divided":
            declared = one.body["spec"].get("replicas", 1)
            assert sum(one.replicas.values()) == (declared if declared else 0)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (DEFINITION, Tier.FOUNDATION),
        (NAMESPACE, Tier.FOUNDATION),
        (("storage.k8s.io", "StorageClass"), Tier.FOUNDATION),
        (("", "ServiceAccount"), Tier.CONFIGURATION),
        (("rbac.authorization.k8s.io", "ClusterRoleBinding"), Tier.CONFIGURATION),
        (("", "PersistentVolumeClaim"), Tier.CONFIGURATION),
        (("shop.example", "Catalog"), Tier.CONFIGURATION),
        (("apps", "Deployment"), Tier.PODS),
        (("batch", "CronJob"), Tier.PODS),
        (("autoscaling", "HorizontalPodAutoscaler"), Tier.PODS),
        (("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"), Tier.WEBHOOKS),
        (("apiregistration.k8s.io", "APIService"), Tier.WEBHOOKS),
    ],
)
def test_each_kind_has_its_tier(kind: tuple[str, str], expected: Tier) -> None:
    assert tier(kind) == expected


def test_names_of_documents_are_readable_and_tell_all_objects_apart() -> None:
    plain = ObjectKey("apps", "Deployment", "shop", "web")
    assert document_name("frontend", plain) == "propagation-frontend-deployment-shop-web"
    alike = [
        ("a", ObjectKey("", "ConfigMap", "x", "configmap-y-z")),
        ("a-configmap-x", ObjectKey("", "ConfigMap", "y", "z")),
        ("a", ObjectKey("gateway.networking.k8s.io", "Gateway", "x", "y")),
        ("a", ObjectKey("networking.istio.io", "Gateway", "x", "y")),
        ("a", ObjectKey("rbac.authorization.k8s.io", "ClusterRole", "", "own:x")),
        ("a", ObjectKey("rbac.authorization.k8s.io", "ClusterRole", "", "own-x")),
        ("a", ObjectKey("rbac.authorization.k8s.io", "ClusterRole", "", "Own:x")),
        ("a", ObjectKey("", "ConfigMap", "x", "y" * 253)),
        ("a", ObjectKey("", "ConfigMap", "x", "y" * 252)),
    ]
    made = [document_name(*each) for each in alike]
    assert len({*made}) == len(made)
    assert all(len(name) < 220 and name.startswith("propagation-a-") for name in made)


def fleet_of(*objects: dict[str, Any], **more: Any) -> Fleet:
    return load(
        "x",
        {
            "networks": {"n": {}},
            "clusters": {"west": {"embedded": {}, "network": "n"}},
            "namespaces": {"shop": {"injection": True}},
            "propagations": {"own": {"resources": [{"object": each} for each in objects]} | more},
        },
    )


def deployment(labels: dict[str, str]) -> dict[str, Any]:
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "a", "image": "b"}]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"selector": {"matchLabels": labels}, "template": template},
    }


def test_pods_with_a_sidecar_restart_when_what_it_reads_changes() -> None:
    def template(fleet: Fleet) -> Any:
        (document,) = propagated(cluster_plan(fleet, "west"))
        return body_of(document)["spec"]["template"]["metadata"]

    injected = template(fleet_of(deployment({"app": "web"})))
    assert '"cluster":"west"' in injected["annotations"]["meshfleet/injected"]
    # The pod has no sidecar, so nothing of it is in there.
    assert "annotations" not in template(fleet_of(deployment({"app": "web", "sidecar.istio.io/inject": "false"})))


def test_replicas_that_an_autoscaler_decides_are_not_written() -> None:
    (document,) = propagated(cluster_plan(fleet_of(deployment({"app": "web"})), "west"))
    assert "replicas" not in body_of(document)["spec"]


def test_what_stays_on_deletion_is_marked_so() -> None:
    assert [one.keep for one in propagated(cluster_plan(fleet_of(deployment({"a": "b"})), "west"))] == [False]
    kept = fleet_of(deployment({"a": "b"}), preserveResourcesOnDeletion=True)
    assert [one.keep for one in propagated(cluster_plan(kept, "west"))] == [True]
