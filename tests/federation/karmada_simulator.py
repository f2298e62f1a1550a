"""What Karmada makes of objects in its API server: where they go, and what they are there; without our code.

Written from pkg/scheduler/core, pkg/controllers/binding/common.go, pkg/util/selector.go and
pkg/util/overridemanager/overridemanager.go of karmada-io/karmada v1.18.2.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jsonpatch

Object = dict[str, Any]
REPLICAS = {"Deployment": "replicas", "ReplicaSet": "replicas", "StatefulSet": "replicas", "Job": "parallelism"}
OWN_GROUPS = ("policy.karmada.io/v1alpha1", "cluster.karmada.io/v1alpha1")
ROLES = "rbac.authorization.k8s.io/v1"


@dataclass
class Karmada:
    """The objects of its API server; `backwards` is the order of names that breaks ties, by the identity of objects."""

    objects: Sequence[Object]
    backwards: bool = False
    clusters: list[Object] = field(init=False)

    def __post_init__(self) -> None:
        self.clusters = [one for one in self.objects if one["kind"] == "Cluster"]

    def members(self) -> dict[str, dict[tuple[str, str, str, str], Object]]:
        """Cluster to what it gets, by API version, kind, namespace and name."""
        found: dict[str, dict[tuple[str, str, str, str], Object]] = {
            one["metadata"]["name"]: {} for one in self.clusters
        }
        for template in self.objects:
            policies = [one for one in self._of("PropagationPolicy") if selects(one, template)]
            assert len(policies) <= 1
            for policy in policies:
                described = template["metadata"]
                key = (template["apiVersion"], template["kind"], described.get("namespace", ""), described["name"])
                for cluster, body in self._copies(template, policy["spec"]["placement"]):
                    found[cluster][key] = body
        return found

    def _of(self, kind: str) -> list[Object]:
        return [one for one in self.objects if one["kind"] in (kind, f"Cluster{kind}")]

    def _copies(self, template: Object, placement: Object) -> Iterator[tuple[str, Object]]:
        stored = as_stored(template)
        replicas = 1 if stored["kind"] == "Pod" else stored.get("spec", {}).get(REPLICAS.get(stored["kind"], ""), 0)
        if stored["kind"] in REPLICAS and not replicas:
            # Without --enable-empty-workload-propagation.
            return
        divided = placement["replicaScheduling"]["replicaSchedulingType"] == "Divided"
        targets = self._targets(placement, replicas)
        completions = stored.get("spec", {}).get("completions")
        done: dict[str, int] = {}
        if stored["kind"] == "Job" and completions is not None and divided and replicas:
            done = self._webster(completions, {name: count for name, count in targets.items() if count})
        for name, count in targets.items():
            body = copy.deepcopy(stored)
            if divided and replicas and stored["kind"] in REPLICAS:
                body["spec"][REPLICAS[stored["kind"]]] = count
                body["spec"] |= {"completions": done[name]} if done else {}
            yield name, self._overridden(body, self._cluster(name))

    def _cluster(self, name: str) -> Object:
        return next(one for one in self.clusters if one["metadata"]["name"] == name)

    def _targets(self, placement: Object, replicas: int) -> dict[str, int]:
        terms = placement.get("clusterAffinities") or [placement.get("clusterAffinity") or {}]
        for term in terms:
            assert "overflowAffinities" not in term
            eligible = [
                one
                for one in self.clusters
                if matches(term, one) and tolerated(placement.get("clusterTolerations"), one)
            ]
            if eligible:
                break
        assert "spreadConstraints" not in placement
        scheduling = placement["replicaScheduling"]
        names = [one["metadata"]["name"] for one in eligible]
        if scheduling["replicaSchedulingType"] == "Duplicated" or not replicas:
            return dict.fromkeys(names, replicas)
        assert scheduling["replicaDivisionPreference"] == "Weighted"
        listed = scheduling.get("weightPreference", {}).get("staticWeightList", [])
        weights = {
            one["metadata"]["name"]: max((w["weight"] for w in listed if matches(w["targetCluster"], one)), default=0)
            for one in eligible
        }
        weights = {name: weight for name, weight in weights.items() if weight} or dict.fromkeys(names, 1)
        return {name: count for name, count in self._webster(replicas, weights).items() if count}

    def _webster(self, seats: int, votes: Mapping[str, int]) -> dict[str, int]:
        found = dict.fromkeys(votes, 0)
        order = sorted(votes, reverse=self.backwards)
        for _ in range(seats):
            best = max(order, key=lambda name: (votes[name] / (2 * found[name] + 1), -found[name], -order.index(name)))
            found[best] += 1
        return found

    def _overridden(self, body: Object, cluster: Object) -> Object:
        """Policies of no namespace first; then from the least to the most specific selector, then by name."""
        for kind in ("ClusterOverridePolicy", "OverridePolicy"):
            chosen = [one for one in self.objects if one["kind"] == kind and selects(one, body)]
            for policy in sorted(chosen, key=lambda one: one["metadata"]["name"]):
                for rule in policy["spec"]["overrideRules"]:
                    if matches(rule["targetCluster"], cluster):
                        body = plaintext(body, rule["overriders"]["plaintext"])
        return body


def selects(policy: Object, body: Object) -> bool:
    """Whether a policy, of the namespace of the object or of none, names it."""
    described = body["metadata"]
    namespace = described.get("namespace", "")
    if body["apiVersion"] in OWN_GROUPS or policy["metadata"].get("namespace", "") not in ("", namespace):
        return False
    return any(
        (one["apiVersion"], one["kind"], one["name"]) == (body["apiVersion"], body["kind"], described["name"])
        and one.get("namespace", "") == namespace
        for one in policy["spec"]["resourceSelectors"]
    )


def matches(affinity: Object, cluster: Object) -> bool:
    name, labels, spec = cluster["metadata"]["name"], cluster["metadata"].get("labels", {}), cluster["spec"]
    if name in affinity.get("exclude", ()) or name not in affinity.get("clusterNames", (name,)):
        return False
    selector = affinity.get("labelSelector", {})
    if any(labels.get(key) != value for key, value in selector.get("matchLabels", {}).items()):
        return False
    for one in selector.get("matchExpressions", ()):
        value, values = labels.get(one["key"]), one.get("values", ())
        found = {
            "In": value is not None and value in values,
            "NotIn": value is None or value not in values,
            "Exists": value is not None,
            "DoesNotExist": value is None,
        }
        if not found[one["operator"]]:
            return False
    for one in affinity.get("fieldSelector", {}).get("matchExpressions", ()):
        here = spec.get("zones", []) if one["key"] == "zone" else [spec[one["key"]]] if spec.get(one["key"]) else []
        if not set(here) & set(one["values"]):
            return False
    return True


def tolerated(tolerations: Iterable[Object] | None, cluster: Object) -> bool:
    def covers(one: Object, taint: Object) -> bool:
        if one.get("effect", taint["effect"]) != taint["effect"] or one.get("key", taint["key"]) != taint["key"]:
            return False
        return bool(one["operator"] == "Exists" or one.get("value", "") == taint.get("value", ""))

    known = list(tolerations or ())
    return all(any(covers(one, taint) for one in known) for taint in cluster["spec"].get("taints", ()))


def plaintext(body: Object, overriders: Iterable[Object]) -> Object:
    patch = [
        {"op": one["operator"], **{key: one[key] for key in ("path", "value") if key in one}} for one in overriders
    ]
    made = jsonpatch.apply_patch(body, patch)
    assert isinstance(made, dict)
    return made


def as_stored(template: Object) -> Object:
    """An object as an API server keeps it: without what is empty, with defaults that follow from what is given."""
    stored: Object = without_empty(template)
    if (number := REPLICAS.get(stored["kind"])) and stored.get("spec", {}).get(number) is None:
        stored["spec"] = {**stored.get("spec", {}), number: 1}
    for container in containers(stored):
        latest = container["image"].endswith(":latest") or ":" not in container["image"].rpartition("/")[2]
        container.setdefault("imagePullPolicy", "Always" if latest else "IfNotPresent")
    if stored["kind"] == "Service":
        for port in stored["spec"]["ports"]:
            port.setdefault("protocol", "TCP")
            port.setdefault("targetPort", port["port"])
    if stored["kind"] == "Deployment":
        strategy = stored["spec"].setdefault("strategy", {"type": "RollingUpdate"})
        if strategy["type"] == "RollingUpdate":
            strategy.setdefault("rollingUpdate", {"maxSurge": "25%", "maxUnavailable": "25%"})
    # What Karmada itself writes.
    described = stored["metadata"]
    described["labels"] = described.get("labels", {}) | {"propagationpolicy.karmada.io/permanent-id": "1"}
    described["annotations"] = described.get("annotations", {}) | {"propagationpolicy.karmada.io/name": "x"}
    return stored


def containers(body: Object) -> list[Object]:
    spec = body.get("spec", {})
    pod = spec.get("template", {}).get("spec", {}) if isinstance(spec, dict) else {}
    return [one for key in ("initContainers", "containers") for one in pod.get(key, ())]


def as_seen(body: Object) -> Object:
    """An object as a cluster has it: with the defaults of its API server, and without what Karmada adds."""
    seen = as_stored(body)
    for what in ("labels", "annotations"):
        entries = seen["metadata"].get(what, {})
        seen["metadata"][what] = {key: value for key, value in entries.items() if "karmada.io" not in key}
    return seen


def without_empty(value: Any) -> Any:
    """A copy without null, and without entries of mappings that are empty all the way down."""
    if isinstance(value, Mapping):
        made = {key: without_empty(inner) for key, inner in value.items()}
        return {key: inner for key, inner in made.items() if inner is not None and inner not in ({}, [])}
    return [without_empty(inner) for inner in value] if isinstance(value, list) else value
