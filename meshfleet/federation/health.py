"""How an object fares in one cluster, by its kind and by what the cluster reports of it. Pure.

The rules are those of Argo CD, and for kinds without one those of kstatus: conditions that every kind may have.

Sources: https://argo-cd.readthedocs.io/en/stable/operator-manual/health/,
https://karmada.io/docs/userguide/globalview/customizing-resource-interpreter/ and
https://github.com/kubernetes-sigs/cli-utils/blob/master/pkg/kstatus/README.md
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from meshfleet.topology.propagation.kinds import JOB, REPLICA_FIELDS, kind_of, mapping

Body = Mapping[str, Any]


class Word(StrEnum):
    """How an object fares."""

    READY = "ready"
    """It does what it is for."""
    PARTIAL = "partial"
    """A part of it does."""
    ACCEPTED = "accepted"
    """The cluster has it, and it does nothing yet."""
    FAILED = "failed"
    """The cluster says that it will not do what it is for."""
    PENDING = "pending"
    """The cluster does not have what is declared."""
    UNKNOWN = "unknown"
    """The cluster did not respond."""


@dataclass(frozen=True)
class Health:
    """How an object fares in a cluster: the word, and why in words, empty where there is nothing to say.

    `ready` are the pods that are ready of an object that has replicas, None for another. `conditions` are those that
    the cluster reports, type to status. `settled` says whether there is nothing more to wait for.
    """

    word: Word
    why: str = ""
    ready: int | None = None
    conditions: Mapping[str, str] = field(default_factory=dict)
    simulated: bool = False

    @property
    def settled(self) -> bool:
        """Whether it is as healthy as it can be there: pods that are simulated are never more than accepted."""
        return self.word is Word.READY or (self.simulated and self.word is Word.ACCEPTED)


SIMULATED: Final = "no pods run in this cluster"
_READY: Final = (Word.READY, "")
_PODS: Final = frozenset({*REPLICA_FIELDS, ("", "Pod"), ("apps", "DaemonSet"), ("batch", "CronJob")})
# Reasons of waiting containers that do not end by themselves.
# https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#container-states
_STUCK: Final = frozenset(
    {
        "CrashLoopBackOff",
        "CreateContainerConfigError",
        "CreateContainerError",
        "ErrImageNeverPull",
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "RunContainerError",
    }
)


def health(body: Body, *, runs_pods: bool) -> Health:
    """How an object fares that a cluster has. Without `runs_pods` what is said of pods there means nothing."""
    kind = kind_of(body)
    if kind in _PODS and not runs_pods:
        return Health(Word.ACCEPTED, SIMULATED, None, {}, simulated=True)
    word, why = _judged(body, kind)
    ready = _whole(_status(body), "ready" if kind == JOB else "readyReplicas") if kind in REPLICA_FIELDS else None
    return Health(word, why, ready, {each["type"]: str(each.get("status")) for each in _conditions(body)})


def _judged(body: Body, kind: tuple[str, str]) -> tuple[Word, str]:
    if mapping(body.get("metadata")).get("deletionTimestamp"):
        return Word.ACCEPTED, "it is being deleted"
    observed, generation = _status(body).get("observedGeneration"), mapping(body.get("metadata")).get("generation")
    if isinstance(observed, int) and isinstance(generation, int) and observed < generation:
        return Word.ACCEPTED, "its controller has not seen the last change"
    return _RULES.get(kind, _by_conditions)(body)


def _by_conditions(body: Body) -> tuple[Word, str]:
    """An object without a rule of its own: with no conditions there is nothing to wait for."""
    if stalled := _condition(body, "Stalled", "True"):
        return Word.FAILED, stalled
    if moving := _condition(body, "Reconciling", "True"):
        return Word.ACCEPTED, moving
    for kind in ("Ready", "Available"):
        for status in ("False", "Unknown"):
            if unready := _condition(body, kind, status):
                return Word.ACCEPTED, unready
    return _READY


def _deployment(body: Body) -> tuple[Word, str]:
    status, wanted = _status(body), _wanted(body)
    if late := _condition(body, "Progressing", "False"):
        return Word.FAILED, late
    if failed := _condition(body, "ReplicaFailure", "True"):
        return Word.FAILED, failed
    updated, available = _whole(status, "updatedReplicas"), _whole(status, "availableReplicas")
    if updated < wanted:
        return _part(available, f"{updated} of {wanted} replicas are of the last change")
    if _whole(status, "replicas") > updated:
        return _part(available, "replicas of before the last change still end")
    return _of(available, wanted, "replicas are available")


def _stateful_set(body: Body) -> tuple[Word, str]:
    status, wanted, spec = _status(body), _wanted(body), mapping(body.get("spec"))
    ready = _whole(status, "readyReplicas")
    strategy = mapping(spec.get("updateStrategy"))
    kept = _whole(mapping(strategy.get("rollingUpdate")), "partition")
    updated = _whole(status, "updatedReplicas")
    if strategy.get("type", "RollingUpdate") == "RollingUpdate" and updated < wanted - kept:
        return _part(ready, f"{updated} of {wanted - kept} replicas are of the last change")
    return _of(ready, wanted, "replicas are ready")


def _daemon_set(body: Body) -> tuple[Word, str]:
    status = _status(body)
    wanted, available = _whole(status, "desiredNumberScheduled"), _whole(status, "numberAvailable")
    if not isinstance(status.get("observedGeneration"), int):
        return Word.ACCEPTED, "its controller has not seen it"
    updated = _whole(status, "updatedNumberScheduled")
    if mapping(mapping(body.get("spec")).get("updateStrategy")).get("type") != "OnDelete" and updated < wanted:
        return _part(available, f"{updated} of {wanted} pods are of the last change")
    return _of(available, wanted, "pods are available")


def _replica_set(body: Body) -> tuple[Word, str]:
    if failed := _condition(body, "ReplicaFailure", "True"):
        return Word.FAILED, failed
    return _of(_whole(_status(body), "availableReplicas"), _wanted(body), "replicas are available")


def _job(body: Body) -> tuple[Word, str]:
    if failed := _condition(body, "Failed", "True"):
        return Word.FAILED, failed
    if _condition(body, "Complete", "True"):
        return _READY
    if mapping(body.get("spec")).get("suspend") is True:
        return Word.ACCEPTED, "it is suspended"
    done = _whole(_status(body), "succeeded")
    return _part(done, f"{done} of its pods have succeeded, {_whole(_status(body), 'active')} run")


def _pod(body: Body) -> tuple[Word, str]:
    phase, status = _status(body).get("phase"), _status(body)
    if phase == "Succeeded":
        return _READY
    if phase == "Failed":
        return Word.FAILED, str(status.get("message") or status.get("reason") or "it has failed")
    for each in (*_list(status, "initContainerStatuses"), *_list(status, "containerStatuses")):
        waiting = mapping(mapping(each.get("state")).get("waiting"))
        if str(waiting.get("reason")) in _STUCK:
            return Word.FAILED, f"container {each.get('name')}: {waiting['reason']}"
    if phase == "Running":
        return (Word.PARTIAL, unready) if (unready := _condition(body, "Ready", "False")) else _READY
    return Word.ACCEPTED, _condition(body, "PodScheduled", "False") or f"its phase is {phase or 'not known'}"


def _service(body: Body) -> tuple[Word, str]:
    if mapping(body.get("spec")).get("type") != "LoadBalancer" or _addressed(body):
        return _READY
    return Word.ACCEPTED, "it has no address of a load balancer"


def _ingress(body: Body) -> tuple[Word, str]:
    return _READY if _addressed(body) else (Word.ACCEPTED, "it has no address")


def _claim(body: Body) -> tuple[Word, str]:
    phase = _status(body).get("phase")
    if phase == "Lost":
        return Word.FAILED, "its volume is lost"
    return _READY if phase == "Bound" else (Word.ACCEPTED, "it is not bound to a volume")


def _volume(body: Body) -> tuple[Word, str]:
    phase = _status(body).get("phase")
    if phase == "Failed":
        return Word.FAILED, str(_status(body).get("message") or "it has failed")
    return _READY if phase in ("Available", "Bound", "Released") else (Word.ACCEPTED, "it is not available")


def _definition(body: Body) -> tuple[Word, str]:
    if refused := _condition(body, "NamesAccepted", "False"):
        return Word.FAILED, refused
    established = _condition(body, "Established", "True")
    return _READY if established else (Word.ACCEPTED, "its kind is not served")


def _api_service(body: Body) -> tuple[Word, str]:
    available = _condition(body, "Available", "True")
    return _READY if available else (Word.ACCEPTED, _condition(body, "Available", "False") or "it is not available")


def _budget(body: Body) -> tuple[Word, str]:
    status = _status(body)
    return _of(_whole(status, "currentHealthy"), _whole(status, "desiredHealthy"), "pods are healthy")


def _autoscaler(body: Body) -> tuple[Word, str]:
    for kind in ("AbleToScale", "ScalingActive"):
        if (why := _condition(body, kind, "False")) and not why.startswith("ScalingDisabled"):
            return Word.FAILED, why
    return _READY


def _namespace(body: Body) -> tuple[Word, str]:
    return _READY if _status(body).get("phase") == "Active" else (Word.ACCEPTED, "it is not active")


_RULES: Final[Mapping[tuple[str, str], Callable[[Body], tuple[Word, str]]]] = {
    ("", "Namespace"): _namespace,
    ("", "PersistentVolume"): _volume,
    ("", "PersistentVolumeClaim"): _claim,
    ("", "Pod"): _pod,
    ("", "ReplicationController"): _replica_set,
    ("", "Service"): _service,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _definition,
    ("apiregistration.k8s.io", "APIService"): _api_service,
    ("apps", "DaemonSet"): _daemon_set,
    ("apps", "Deployment"): _deployment,
    ("apps", "ReplicaSet"): _replica_set,
    ("apps", "StatefulSet"): _stateful_set,
    ("autoscaling", "HorizontalPodAutoscaler"): _autoscaler,
    ("batch", "CronJob"): lambda _: _READY,
    JOB: _job,
    ("networking.k8s.io", "Ingress"): _ingress,
    ("policy", "PodDisruptionBudget"): _budget,
}


def _of(count: int, wanted: int, what: str) -> tuple[Word, str]:
    return _READY if count >= wanted else _part(count, f"{count} of {wanted} {what}")


def _part(done: int, why: str) -> tuple[Word, str]:
    return (Word.PARTIAL if done else Word.ACCEPTED), why


def _wanted(body: Body) -> int:
    replicas = mapping(body.get("spec")).get("replicas")
    return replicas if isinstance(replicas, int) else 1


def _status(body: Body) -> Mapping[str, Any]:
    return mapping(body.get("status"))


def _whole(owner: Mapping[str, Any], key: str) -> int:
    value = owner.get(key)
    return value if isinstance(value, int) else 0


def _list(owner: Mapping[str, Any], key: str) -> Iterator[Mapping[str, Any]]:
    found = owner.get(key)
    yield from (mapping(each) for each in (found if isinstance(found, list) else ()))


def _addressed(body: Body) -> bool:
    return any(_list(mapping(_status(body).get("loadBalancer")), "ingress"))


def _conditions(body: Body) -> Iterator[Mapping[str, Any]]:
    yield from (each for each in _list(_status(body), "conditions") if isinstance(each.get("type"), str))


def _condition(body: Body, kind: str, status: str) -> str:
    """What a condition with this status says: its reason and message; empty where there is none."""
    for each in _conditions(body):
        if each["type"] == kind and each.get("status") == status:
            return ": ".join(str(each[key]) for key in ("reason", "message") if each.get(key)) or f"{kind} is {status}"
    return ""
