"""When an object counts as ready: the questions to each kind, without a cluster."""

from __future__ import annotations

from typing import Any

import pytest

from meshfleet.errors import UnsupportedError
from meshfleet.plugins.kubernetes.annotations import timeout_seconds, wait_for
from meshfleet.plugins.kubernetes.kinds import GroupVersionKind
from meshfleet.plugins.kubernetes.readiness import lacks

pytestmark = pytest.mark.proof("Kubernetes objects are waited for, with a bound", step=0)


def ask(api_version: str, kind: str, live: dict[str, Any]) -> str | None:
    group, _, version = api_version.rpartition("/")
    return lacks(GroupVersionKind(group, version, kind), live)


def conditions(*pairs: tuple[str, str]) -> dict[str, Any]:
    return {"conditions": [{"type": name, "status": status, "reason": "Because"} for name, status in pairs]}


DONE = {"observedGeneration": 2, "updatedReplicas": 2, "replicas": 2, "availableReplicas": 2, "readyReplicas": 2}


@pytest.mark.parametrize(
    ("api_version", "kind", "live", "word"),
    [
        ("apps/v1", "Deployment", {"status": {}}, "seen"),
        ("apps/v1", "Deployment", {"status": {**DONE, "observedGeneration": 1}}, "seen"),
        ("apps/v1", "Deployment", {"status": {**DONE, "updatedReplicas": 1}}, "updated"),
        ("apps/v1", "Deployment", {"status": {**DONE, "replicas": 3}}, "old"),
        ("apps/v1", "Deployment", {"status": {**DONE, "availableReplicas": 0}}, "available"),
        ("apps/v1", "Deployment", {"status": DONE}, None),
        ("apps/v1", "StatefulSet", {"status": {**DONE, "readyReplicas": 1}}, "ready"),
        ("apps/v1", "StatefulSet", {"status": {**DONE, "currentRevision": "a", "updateRevision": "b"}}, "revision"),
        ("apps/v1", "StatefulSet", {"status": DONE}, None),
        (
            "apps/v1",
            "DaemonSet",
            {"status": {"observedGeneration": 2, "desiredNumberScheduled": 1, "updatedNumberScheduled": 1}},
            "available",
        ),
        ("apps/v1", "DaemonSet", {"status": {"observedGeneration": 2}}, None),
        ("batch/v1", "Job", {"status": {"succeeded": 0}}, "succeeded"),
        ("batch/v1", "Job", {"status": conditions(("Failed", "True"))}, "failed"),
        ("batch/v1", "Job", {"status": conditions(("Complete", "True"))}, None),
        ("v1", "Pod", {"status": {"phase": "Pending"}}, "Pending"),
        ("v1", "Pod", {"status": {"phase": "Running", **conditions(("Ready", "True"))}}, None),
        ("v1", "Pod", {"status": {"phase": "Succeeded"}}, None),
        ("v1", "Service", {"spec": {"type": "LoadBalancer"}}, "address"),
        ("v1", "Service", {"spec": {"type": "LoadBalancer"}, "status": {"loadBalancer": {"ingress": [{}]}}}, None),
        ("v1", "Service", {"spec": {"type": "ClusterIP"}}, None),
        ("v1", "Secret", {"type": "kubernetes.io/service-account-token"}, "ServiceAccount"),
        ("v1", "Secret", {"type": "kubernetes.io/service-account-token", "data": {"token": "x"}}, None),
        ("v1", "Secret", {"type": "Opaque"}, None),
        ("v1", "PersistentVolume", {"status": {"phase": "Pending"}}, "Pending"),
        ("v1", "ResourceQuota", {"spec": {"hard": {"pods": "1"}}}, "limits"),
        ("v1", "ReplicationController", {"spec": {"replicas": 1}}, "available"),
        ("networking.k8s.io/v1", "Ingress", {}, "address"),
        ("apiextensions.k8s.io/v1", "CustomResourceDefinition", {"status": {}}, "Established"),
        (
            "apiextensions.k8s.io/v1",
            "CustomResourceDefinition",
            {"status": conditions(("Established", "True"))},
            None,
        ),
        ("networking.istio.io/v1", "Gateway", {}, None),
    ],
)
def test_an_object_says_what_it_lacks(api_version: str, kind: str, live: dict[str, Any], word: str | None) -> None:
    live = {"metadata": {"name": "x", "generation": 2}, "spec": {"replicas": 2}, **live}
    answer = ask(api_version, kind, live)
    assert (answer is None) == (word is None)
    assert word is None or (answer is not None and word in answer)


@pytest.mark.parametrize(
    ("expression", "ready"),
    [
        ("condition=Ready", True),
        ("condition=Ready=False", False),
        ("condition=Other", False),
        ("jsonpath={.status.phase}=Running", True),
        ("jsonpath={.status.phase}", True),
        ("jsonpath={.status.phase}=Pending", False),
        ("jsonpath={.status.addresses[0].value}=127.0.0.1", True),
        ("jsonpath={.status.addresses[1].value}", False),
        ("jsonpath={.status['phase']}=Running", True),
        ("jsonpath={.metadata.labels.istio\\.io/rev}=x", True),
        ('jsonpath={.status.conditions[?(@.type=="Ready")].status}=True', True),
        ('["condition=Ready", "jsonpath={.status.phase}=Pending"]', False),
    ],
)
def test_an_annotation_can_say_what_to_wait_for(expression: str, ready: bool) -> None:
    live = {
        "metadata": {"labels": {"istio.io/rev": "x"}},
        "status": {"phase": "Running", "addresses": [{"value": "127.0.0.1"}], **conditions(("Ready", "True"))},
    }
    question = wait_for({"metadata": {"annotations": {"pulumi.com/waitFor": expression}}})
    assert question is not None
    assert (question(live) is None) is ready


@pytest.mark.parametrize("expression", ["Ready", "jsonpath=.status", "jsonpath={.items[*].x}"])
def test_an_annotation_that_is_not_understood_is_refused(expression: str) -> None:
    with pytest.raises(UnsupportedError, match="waitFor"):
        wait_for({"metadata": {"annotations": {"pulumi.com/waitFor": expression}}})


def test_the_time_to_wait_is_the_options_then_the_annotations_then_ten_minutes() -> None:
    annotated = {"metadata": {"annotations": {"pulumi.com/timeoutSeconds": "7"}}}
    assert timeout_seconds(annotated, 3.0) == 3.0
    assert timeout_seconds(annotated, 0.0) == 7.0
    assert timeout_seconds({}, 0.0) == 600.0
