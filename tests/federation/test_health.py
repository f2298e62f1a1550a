"""How objects fare, by kind, and over clusters."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshfleet.federation.health import SIMULATED, Health, Word, health
from meshfleet.federation.summed_health import MIXED, merged_conditions, ready_replicas, summed, why
from meshfleet.topology.propagation.kinds import SCOPES

pytestmark = pytest.mark.proof("status says how propagated objects fare", step=0)

Json = dict[str, Any]


def body(api: str, kind: str, status: Json | None = None, spec: Json | None = None, **metadata: Any) -> Json:
    described = {"name": "web", "generation": 2} | metadata
    return {"apiVersion": api, "kind": kind, "metadata": described, "spec": spec or {}, "status": status or {}}


def condition(kind: str, status: str, reason: str = "Because") -> Json:
    return {"conditions": [{"type": kind, "status": status, "reason": reason}]}


def deployment(**status: Any) -> Json:
    return body("apps/v1", "Deployment", {"observedGeneration": 2} | status, {"replicas": 3})


ALL_THREE = {"replicas": 3, "updatedReplicas": 3, "availableReplicas": 3, "readyReplicas": 3}


@pytest.mark.parametrize(
    ("there", "word", "reason"),
    [
        (deployment(**ALL_THREE), "ready", ""),
        (deployment(**ALL_THREE | {"availableReplicas": 1}), "partial", "1 of 3 replicas are available"),
        (deployment(**ALL_THREE | {"availableReplicas": 0}), "accepted", "0 of 3 replicas are available"),
        (deployment(**ALL_THREE | {"updatedReplicas": 1}), "partial", "1 of 3 replicas are of the last change"),
        (deployment(**ALL_THREE | {"replicas": 4}), "partial", "replicas of before the last change still end"),
        (
            deployment(**ALL_THREE | {"observedGeneration": 1}),
            "accepted",
            "its controller has not seen the last change",
        ),
        (
            deployment(**condition("Progressing", "False", "ProgressDeadlineExceeded")),
            "failed",
            "ProgressDeadlineExceeded",
        ),
        (body("apps/v1", "Deployment", {"observedGeneration": 2}, {"replicas": 0}), "ready", ""),
        (body("apps/v1", "StatefulSet", {"readyReplicas": 2, "updatedReplicas": 2}, {"replicas": 2}), "ready", ""),
        (
            body("apps/v1", "StatefulSet", {"readyReplicas": 2, "updatedReplicas": 1}, {"replicas": 2}),
            "partial",
            "1 of 2 replicas are of the last change",
        ),
        (
            body(
                "apps/v1",
                "StatefulSet",
                {"readyReplicas": 2, "updatedReplicas": 1},
                {"replicas": 2, "updateStrategy": {"rollingUpdate": {"partition": 1}}},
            ),
            "ready",
            "",
        ),
        (
            body(
                "apps/v1",
                "DaemonSet",
                {
                    "observedGeneration": 2,
                    "desiredNumberScheduled": 2,
                    "updatedNumberScheduled": 2,
                    "numberAvailable": 1,
                },
            ),
            "partial",
            "1 of 2 pods are available",
        ),
        (body("apps/v1", "DaemonSet"), "accepted", "its controller has not seen it"),
        (
            body("apps/v1", "ReplicaSet", condition("ReplicaFailure", "True", "Quota"), {"replicas": 1}),
            "failed",
            "Quota",
        ),
        (body("batch/v1", "Job", condition("Complete", "True")), "ready", ""),
        (
            body("batch/v1", "Job", condition("Failed", "True", "BackoffLimitExceeded")),
            "failed",
            "BackoffLimitExceeded",
        ),
        (body("batch/v1", "Job", {"active": 2, "succeeded": 1}), "partial", "1 of its pods have succeeded, 2 run"),
        (body("v1", "Pod", {"phase": "Running"} | condition("Ready", "True")), "ready", ""),
        (body("v1", "Pod", {"phase": "Running"} | condition("Ready", "False")), "partial", "Because"),
        (
            body(
                "v1",
                "Pod",
                {
                    "phase": "Pending",
                    "containerStatuses": [{"name": "app", "state": {"waiting": {"reason": "ErrImagePull"}}}],
                },
            ),
            "failed",
            "container app: ErrImagePull",
        ),
        (body("v1", "Service", spec={"type": "ClusterIP"}), "ready", ""),
        (body("v1", "Service", spec={"type": "LoadBalancer"}), "accepted", "it has no address of a load balancer"),
        (body("v1", "PersistentVolumeClaim", {"phase": "Bound"}), "ready", ""),
        (body("v1", "PersistentVolumeClaim", {"phase": "Lost"}), "failed", "its volume is lost"),
        (body("v1", "PersistentVolumeClaim", {"phase": "Pending"}), "accepted", "it is not bound to a volume"),
        (
            body("networking.k8s.io/v1", "Ingress", {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}),
            "ready",
            "",
        ),
        (body("networking.k8s.io/v1", "Ingress"), "accepted", "it has no address"),
        (
            body("apiextensions.k8s.io/v1", "CustomResourceDefinition", condition("Established", "True")),
            "ready",
            "",
        ),
        (
            body("apiextensions.k8s.io/v1", "CustomResourceDefinition", condition("NamesAccepted", "False", "Taken")),
            "failed",
            "Taken",
        ),
        (
            body("policy/v1", "PodDisruptionBudget", {"currentHealthy": 1, "desiredHealthy": 2}),
            "partial",
            "1 of 2 pods are healthy",
        ),
        (
            body("autoscaling/v2", "HorizontalPodAutoscaler", condition("ScalingActive", "False", "FailedGetScale")),
            "failed",
            "FailedGetScale",
        ),
        (body("v1", "ConfigMap"), "ready", ""),
        (body("v1", "ConfigMap", deletionTimestamp="2026-01-01T00:00:00Z"), "accepted", "it is being deleted"),
        (body("shop.example/v1", "Catalog"), "ready", ""),
        (body("shop.example/v1", "Catalog", condition("Ready", "False")), "accepted", "Because"),
        (body("shop.example/v1", "Catalog", condition("Stalled", "True")), "failed", "Because"),
        (
            body("shop.example/v1", "Catalog", {"observedGeneration": 1}),
            "accepted",
            "its controller has not seen the last change",
        ),
    ],
)
def test_each_kind_is_judged_by_what_its_controllers_report(there: Json, word: str, reason: str) -> None:
    found = health(there, runs_pods=True)
    assert (found.word, found.why) == (word, reason)
    assert found.settled == (word == "ready")


def test_where_no_pods_run_what_is_said_of_them_means_nothing() -> None:
    found = health(deployment(**ALL_THREE), runs_pods=False)
    assert (found.word, found.why, found.ready) == (Word.ACCEPTED, SIMULATED, None)
    # There is nothing more to wait for.
    assert found.settled
    assert health(body("v1", "ConfigMap"), runs_pods=False).word == Word.READY


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "status", "state"]), inner),
    max_leaves=6,
)
KEYS = "conditions phase replicas updatedReplicas availableReplicas loadBalancer containerStatuses observedGeneration"


@given(
    st.sampled_from(sorted(SCOPES)),
    st.dictionaries(st.sampled_from(KEYS.split()), JSON),
    st.dictionaries(st.sampled_from(["replicas", "type", "updateStrategy", "suspend"]), JSON),
)
def test_whatever_a_cluster_reports_there_is_a_word(kind: tuple[str, str], status: Json, spec: Json) -> None:
    found = health(body(f"{kind[0]}/v1".lstrip("/"), kind[1], status, spec), runs_pods=True)
    assert found.word in Word
    assert found.word is Word.READY or found.why


@given(st.lists(st.sampled_from(Word), min_size=1), st.randoms())
def test_a_sum_is_of_its_parts_in_any_order(words: list[Word], random: Any) -> None:
    whole = summed(words)
    shuffled = list(words)
    random.shuffle(shuffled)
    assert summed(shuffled) == whole
    # Ready only where all are, failed wherever one is.
    assert (whole is Word.READY) == (set(words) == {Word.READY})
    assert (whole is Word.FAILED) == (Word.FAILED in words)
    assert summed([*words, *words]) == whole


def test_clusters_are_added_up_and_their_conditions_merged() -> None:
    rows = {
        "west": Health(Word.READY, ready=3, conditions={"Available": "True", "Progressing": "True"}),
        "east": Health(Word.PARTIAL, "1 of 2 replicas are available", 1, {"Available": "False", "Progressing": "True"}),
        "north": Health(Word.UNKNOWN, "no response"),
        "south": Health(Word.UNKNOWN, "no response"),
    }
    assert summed(row.word for row in rows.values()) == Word.PARTIAL
    assert ready_replicas(rows) == 4
    assert merged_conditions(rows) == {"Available": MIXED, "Progressing": "True"}
    assert why(rows) == "east: 1 of 2 replicas are available; north, south: no response"
    assert ready_replicas({"west": Health(Word.READY)}) is None
