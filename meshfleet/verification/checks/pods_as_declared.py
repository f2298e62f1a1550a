"""Every injected pod has what the stack says now: what a proxy reads at its start is compared pod by pod.

A proxy that was injected before a change keeps its network, identity, discovery address and settings until its pod is
replaced. Pods of the fleet roll out by the annotation of their template; others have to be restarted by their owners,
and are named with the command for it.

Source: pkg/kube/inject of istio/istio
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from lightkube.models.meta_v1 import OwnerReference
from lightkube.resources.core_v1 import Pod

from meshfleet.files.json_text import parse_json
from meshfleet.manifests.injected import ANNOTATION
from meshfleet.redaction.shown import shown
from meshfleet.verification.check import Check, Finding
from meshfleet.verification.checks.injection import sidecar_environment
from meshfleet.verification.checks.pods_on_revision import INJECTED, REVISION
from meshfleet.verification.cluster_api import reach
from meshfleet.verification.pods import annotations_of, called, labels_of, not_ended, proxy_image, some_of
from meshfleet.verification.view import ClusterView, FleetView

NETWORK_LABEL: Final = "topology.istio.io/network"
EAST_WEST: Final = ("istio", "eastwestgateway")
# The fact of the stack → the variable of the proxy that has it.
VARIABLES: Final = {
    "cluster": "ISTIO_META_CLUSTER_ID",
    "mesh": "ISTIO_META_MESH_ID",
    "network": "ISTIO_META_NETWORK",
    "trustDomain": "TRUST_DOMAIN",
    "discoveryAddress": "CA_ADDR",
}
_RELEASE: Final = re.compile(r"\d+\.\d+")


@dataclass(frozen=True, order=True)
class Stale:
    """A pod whose proxy has something else than the stack says: `name` as `namespace/name`, `heal` the command."""

    name: str
    field: str
    has: str
    should: str
    heal: str
    ours: bool

    def __str__(self) -> str:
        return f"{self.name}: {self.field} is {self.has or 'not set'}, the stack says {self.should or 'none'}"


class PodsAsDeclared(Check):
    """Reads every injected pod of a cluster: the environment of its proxy, its labels and annotations."""

    name = "pods-as-declared"

    def concerns(self, fleet: FleetView) -> tuple[ClusterView, ...]:
        return tuple(one for one in fleet.clusters if one.data_plane == "sidecar" and one.injected.workloads)

    def look(self, fleet: FleetView, cluster: ClusterView, patience: float) -> Finding:
        with reach(cluster, patience) as client:
            injected = [pod for pod in not_ended(client.list(Pod, namespace="*")) if counts(pod)]
        return judge(cluster, injected, list(stale(cluster, injected)))


def judge(cluster: ClusterView, injected: Iterable[Pod], found: list[Stale]) -> Finding:
    """Whether no pod is stale; of each that is, its first field, and what restarts it. Pure."""
    count = len(list(injected))
    if not found:
        return Finding(True, f"all {count} proxies of {cluster.name} have what the stack says")
    firsts = {one.name: one for one in sorted(found, reverse=True)}
    heals = sorted({one.heal for one in found})
    return Finding(
        False,
        f"{len(firsts)} of {count} proxies of {cluster.name} started with what is no longer declared: "
        f"{some_of([str(one) for one in firsts.values()])}; run {' and '.join(heals[:3])}",
    )


def stale(cluster: ClusterView, pods: Iterable[Pod]) -> Iterator[Stale]:
    """Each field of each pod that differs from what the stack says. Pure."""
    for pod in pods:
        ours = ANNOTATION in annotations_of(pod)
        heal = f"meshfleet up, which is rolling {called(pod)} out" if ours else restart(cluster, pod)
        for field, has, should in differences(cluster, pod):
            yield Stale(called(pod), field, has, should, heal, ours)


def differences(cluster: ClusterView, pod: Pod) -> Iterator[tuple[str, str, str]]:
    """Field, what the pod has, what it should have. Pure."""
    annotations, labels = annotations_of(pod), labels_of(pod)
    environment = sidecar_environment(pod) or {}
    wanted = _wanted(cluster, annotations, labels)
    elsewhere = _is_on_another_revision(annotations, wanted)
    for field, variable in VARIABLES.items():
        if elsewhere and field == "discoveryAddress":
            continue
        has, should = environment.get(variable, "").strip(), str(wanted.get(field, ""))
        if has != should:
            yield field, has, should
    # By which istiod sends others to it, whatever its own proxy was told.
    label = labels.get(NETWORK_LABEL)
    if label is not None and label != wanted.get("network"):
        yield f"the label {NETWORK_LABEL}", label, str(wanted.get("network", ""))
    yield from _settings(environment, wanted)
    tag = proxy_image(pod).rpartition(":")[2]
    version = str(wanted.get("version", ""))
    if not elsewhere and _RELEASE.match(tag) and version and not re.match(rf"{re.escape(version)}(?![0-9])", tag):
        yield "version", tag, version
    yield from _annotated(annotations, cluster, wanted)


def _is_on_another_revision(annotations: Mapping[str, str], wanted: Mapping[str, Any]) -> bool:
    """Whether a pod of somebody else is on a revision that workloads of the fleet have left, as in an upgrade.

    Its owner moves it by restarting it, in their own time, and until then that istiod serves it.
    """
    return ANNOTATION not in annotations and annotations.get(REVISION, "default") != wanted.get("revision", "default")


def restart(cluster: ClusterView, pod: Pod) -> str:
    """The command that replaces a pod of somebody else. Pure."""
    namespace = (pod.metadata.namespace if pod.metadata else None) or "default"
    name = (pod.metadata.name if pod.metadata else None) or ""
    place = ["--kubeconfig", str(cluster.kubeconfig), "--namespace", namespace]
    owner = next(iter((pod.metadata.ownerReferences if pod.metadata else None) or ()), None)
    if owner is None:
        return shlex.join(["kubectl", *place, "delete", "pod", name]) + ", and create it again"
    return shlex.join(["kubectl", *place, "rollout", "restart", _workload(owner, labels_of(pod))])


def _workload(owner: OwnerReference, labels: Mapping[str, str]) -> str:
    kind, name = owner.kind, owner.name
    if kind == "ReplicaSet":
        template = labels.get("pod-template-hash", "")
        return f"deployment/{name.removesuffix(f'-{template}')}"
    return f"{kind.lower()}/{name}"


def counts(pod: Pod) -> bool:
    """Whether a pod has a proxy, and is not about to go. Pure."""
    leaving = bool(pod.metadata and pod.metadata.deletionTimestamp)
    return INJECTED in annotations_of(pod) and not leaving


def _wanted(cluster: ClusterView, annotations: Mapping[str, str], labels: Mapping[str, str]) -> Mapping[str, Any]:
    """The facts of workloads, or those of gateways for one of them, and for a pod that is on their revision alone."""
    injected = cluster.injected
    if labels.get(EAST_WEST[0]) == EAST_WEST[1] and injected.east_west:
        return injected.east_west
    on_theirs = annotations.get(REVISION, "default") == injected.gateways.get("revision")
    return injected.gateways if on_theirs else injected.workloads


def _settings(environment: Mapping[str, str], wanted: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    metadata = _read(environment.get("PROXY_CONFIG", "")).get("proxyMetadata") or {}
    declared = wanted.get("proxyMetadata") or {}
    for key, should in sorted(declared.items()):
        if metadata.get(key) != should:
            yield f"proxyMetadata.{key}", str(metadata.get(key, "")), str(should)


def _annotated(
    annotations: Mapping[str, str], cluster: ClusterView, wanted: Mapping[str, Any]
) -> Iterator[tuple[str, str, str]]:
    """What no variable has, of the pod's node and of what the user adds: only a pod of the fleet says what it was."""
    if ANNOTATION not in annotations:
        return
    facts = _read(annotations[ANNOTATION])
    for field in ("region", "zone"):
        has, should = str(facts.get(field, "")), str(cluster.injected.workloads.get(field, ""))
        if has != should:
            yield field, has, should
    added, wanted_added = facts.get("added") or {}, wanted.get("added") or {}
    if added != wanted_added:
        yield "what istio.values add", shown(added), shown(wanted_added)


def _read(text: str) -> dict[str, Any]:
    try:
        value = parse_json(text or "{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
