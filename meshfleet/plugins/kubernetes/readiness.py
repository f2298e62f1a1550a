"""When an object of each kind counts as ready: pure questions to one object, answered with what it still lacks.

The same conditions as the official provider's awaiters and `kubectl rollout status`.
https://github.com/pulumi/pulumi-kubernetes/blob/master/provider/pkg/await/awaiters.go
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from meshfleet.plugins.kubernetes.kinds import GroupVersionKind
from meshfleet.plugins.kubernetes.values import JsonObject, at

Question = Callable[[JsonObject], str | None]

SERVICE_ACCOUNT_TOKEN: Final = "kubernetes.io/service-account-token"  # noqa: S105 - a type, not a password


def lacks(identity: GroupVersionKind, live: JsonObject) -> str | None:
    """What the object still lacks to be ready, in words; None if it is ready or its kind is not awaited."""
    question = _QUESTIONS.get((identity.group, identity.kind))
    return question(live) if question is not None else None


def is_judged_on_read(identity: GroupVersionKind) -> bool:
    """Whether a refresh reports an object of this kind as unhealthy while it lacks something."""
    return (identity.group, identity.kind) in _JUDGED_ON_READ


def condition(live: JsonObject, name: str) -> JsonObject:
    """The status condition of that type, empty if there is none."""
    for entry in at(live, "status", "conditions") or []:
        if entry.get("type") == name:
            found: JsonObject = entry
            return found
    return {}


def _holds(live: JsonObject, name: str) -> bool:
    return bool(condition(live, name).get("status") == "True")


def _said(live: JsonObject, name: str) -> str:
    entry = condition(live, name)
    words = [str(entry[key]) for key in ("reason", "message") if entry.get(key)]
    return f" ({': '.join(words)})" if words else ""


def _is_observed(live: JsonObject) -> bool:
    return int(at(live, "status", "observedGeneration") or 0) >= int(at(live, "metadata", "generation") or 0)


def _status_count(live: JsonObject, name: str) -> int:
    return int(at(live, "status", name) or 0)


def _deployment(live: JsonObject) -> str | None:
    wanted = at(live, "spec", "replicas")
    wanted = 1 if wanted is None else int(wanted)
    if not _is_observed(live):
        return "its controller has not seen the last change"
    if condition(live, "Progressing").get("reason") == "ProgressDeadlineExceeded":
        return f"its rollout is stuck{_said(live, 'Progressing')}"
    updated, available = (
        _status_count(live, "updatedReplicas"),
        _status_count(live, "availableReplicas"),
    )
    if updated < wanted:
        return f"{updated} of {wanted} replicas are updated{_said(live, 'Available')}"
    if _status_count(live, "replicas") > updated:
        return f"{_status_count(live, 'replicas') - updated} old replicas have not ended"
    if available < updated:
        return f"{available} of {updated} updated replicas are available{_said(live, 'Available')}"
    return None


def _stateful_set(live: JsonObject) -> str | None:
    wanted = at(live, "spec", "replicas")
    wanted = 1 if wanted is None else int(wanted)
    if not _is_observed(live):
        return "its controller has not seen the last change"
    ready = _status_count(live, "readyReplicas")
    if ready < wanted:
        return f"{ready} of {wanted} replicas are ready"
    current, update = (
        at(live, "status", "currentRevision"),
        at(live, "status", "updateRevision"),
    )
    if update and current != update and at(live, "spec", "updateStrategy", "type") != "OnDelete":
        return f"its revision is {current}, not {update} yet"
    return None


def _daemon_set(live: JsonObject) -> str | None:
    if not _is_observed(live):
        return "its controller has not seen the last change"
    wanted = _status_count(live, "desiredNumberScheduled")
    available, updated = (
        _status_count(live, "numberAvailable"),
        _status_count(live, "updatedNumberScheduled"),
    )
    if min(available, updated) < wanted:
        return f"{updated} of {wanted} pods are updated and {available} available"
    return None


def _job(live: JsonObject) -> str | None:
    if _holds(live, "Failed"):
        return f"it failed{_said(live, 'Failed')}"
    if _holds(live, "Complete"):
        return None
    return f"{_status_count(live, 'succeeded')} of its pods have succeeded, {_status_count(live, 'failed')} failed"


def _pod(live: JsonObject) -> str | None:
    phase = at(live, "status", "phase")
    if phase == "Succeeded" or _holds(live, "Ready"):
        return None
    scheduled = _said(live, "PodScheduled") if not _holds(live, "PodScheduled") else ""
    return f"it is {phase or 'not scheduled'}{scheduled or _said(live, 'Ready')}"


def _service(live: JsonObject) -> str | None:
    if at(live, "spec", "type") != "LoadBalancer" or at(live, "status", "loadBalancer", "ingress"):
        return None
    return "no address was assigned to its load balancer: does anything in this cluster provide load balancers?"


def _ingress(live: JsonObject) -> str | None:
    if at(live, "status", "loadBalancer", "ingress"):
        return None
    return "no address was assigned: is there an ingress controller for its class?"


def _secret(live: JsonObject) -> str | None:
    if live.get("type") != SERVICE_ACCOUNT_TOKEN or at(live, "data", "token"):
        return None
    account = (at(live, "metadata", "annotations") or {}).get("kubernetes.io/service-account.name")
    return f"no token was put into it: does the ServiceAccount {account!r} exist in its namespace?"


def _definition(live: JsonObject) -> str | None:
    if _holds(live, "Established"):
        return None
    refused = condition(live, "NamesAccepted")
    return f"it is not Established{_said(live, 'NamesAccepted') if refused.get('status') == 'False' else ''}"


def _volume(live: JsonObject) -> str | None:
    phase = at(live, "status", "phase")
    return None if phase in ("Available", "Bound") else f"it is {phase or 'not seen by its controller'}"


def _replication_controller(live: JsonObject) -> str | None:
    wanted, available = (
        int(at(live, "spec", "replicas") or 0),
        _status_count(live, "availableReplicas"),
    )
    return None if available == wanted else f"{available} of {wanted} replicas are available"


def _resource_quota(live: JsonObject) -> str | None:
    return None if at(live, "spec", "hard") == at(live, "status", "hard") else "its limits are not in force yet"


_QUESTIONS: Final[Mapping[tuple[str, str], Question]] = {
    ("", "PersistentVolume"): _volume,
    ("", "Pod"): _pod,
    ("", "ReplicationController"): _replication_controller,
    ("", "ResourceQuota"): _resource_quota,
    ("", "Secret"): _secret,
    ("", "Service"): _service,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _definition,
    ("apps", "DaemonSet"): _daemon_set,
    ("apps", "Deployment"): _deployment,
    ("apps", "StatefulSet"): _stateful_set,
    ("batch", "Job"): _job,
    ("networking.k8s.io", "Ingress"): _ingress,
}
_JUDGED_ON_READ: Final = frozenset(
    {
        ("", "Pod"),
        ("", "Service"),
        ("apps", "DaemonSet"),
        ("apps", "Deployment"),
        ("apps", "StatefulSet"),
        ("batch", "Job"),
        ("networking.k8s.io", "Ingress"),
    }
)
