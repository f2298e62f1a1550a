"""Every injected proxy has the settings that the stack declares now.

A proxy that was injected before a change keeps its network, identity, discovery address and settings until its pod is
replaced. Pods of the fleet roll out by an annotation of their template; for other pods the finding names the command
that restarts them.

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
from meshfleet.manifests.istio_csr import RELEASE
from meshfleet.redaction.shown import shown
from meshfleet.verification.check import Check, Finding
from meshfleet.verification.checks.injection import sidecar_environment
from meshfleet.verification.checks.pods_on_revision import INJECTED, REVISION
from meshfleet.verification.cluster_api import reach
from meshfleet.verification.pods import annotations_of, called, labels_of, not_ended, proxy_image, some_of
from meshfleet.verification.view import ClusterView, FleetView

NETWORK_LABEL: Final = "topology.istio.io/network"
EAST_WEST: Final = ("istio", "eastwestgateway")
# The field of the stack → the environment variable of the proxy.
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
    """A pod whose proxy differs from the stack: `name` is `namespace/name`, `remedy` the command to run."""

    name: str
    field: str
    has: str
    should: str
    remedy: str
    ours: bool

    def __str__(self) -> str:
        return f"{self.name}: {self.field} is {self.has or 'not set'}, the stack declares {self.should or 'none'}"


class PodsAsDeclared(Check):
    """Reads every injected pod of a cluster: the environment of its proxy, its labels and annotations."""

    name = "pods-as-declared"

    def targets(self, fleet: FleetView) -> tuple[ClusterView, ...]:
        return tuple(one for one in fleet.clusters if one.data_plane == "sidecar" and one.injected.workloads)

    def evaluate(self, fleet: FleetView, cluster: ClusterView, timeout: float) -> Finding:
        with reach(cluster, timeout) as client:
            injected = [pod for pod in not_ended(client.list(Pod, namespace="*")) if counts(pod)]
        return judge(cluster, injected, list(stale(cluster, injected)))


def judge(cluster: ClusterView, injected: Iterable[Pod], found: list[Stale]) -> Finding:
    """Whether no pod is stale; for each stale pod its first different field, and the command that restarts it. Pure."""
    count = len(list(injected))
    if not found:
        return Finding(True, f"all {count} proxies of {cluster.name} have the declared settings")
    firsts = {one.name: one for one in sorted(found, reverse=True)}
    remedies = sorted({one.remedy for one in found})
    return Finding(
        False,
        f"{len(firsts)} of {count} proxies of {cluster.name} have outdated settings: "
        f"{some_of([str(one) for one in firsts.values()])}; run {' and '.join(remedies[:3])}",
    )


def stale(cluster: ClusterView, pods: Iterable[Pod]) -> Iterator[Stale]:
    """Each field of each pod that differs from the stack. Pure."""
    for pod in pods:
        ours = ANNOTATION in annotations_of(pod)
        remedy = f"meshfleet up, which is rolling {called(pod)} out" if ours else restart(cluster, pod)
        for field, has, should in differences(cluster, pod):
            yield Stale(called(pod), field, has, should, remedy, ours)


def differences(cluster: ClusterView, pod: Pod) -> Iterator[tuple[str, str, str]]:
    """Field, actual value, declared value. Pure."""
    annotations, labels = annotations_of(pod), labels_of(pod)
    environment = sidecar_environment(pod) or {}
    wanted = _wanted(cluster, annotations, labels)
    other_revision = _is_on_another_revision(annotations, wanted)
    for declared, variable in VARIABLES.items():
        has, field, should = environment.get(variable, "").strip(), declared, str(wanted.get(declared, ""))
        if declared == "discoveryAddress":
            field, should = _requested_at(has, wanted)
        if other_revision and field == "discoveryAddress":
            continue
        if has != should:
            yield field, has, should
    # istiod uses this label for other proxies, independently of the pod's own proxy.
    label = labels.get(NETWORK_LABEL)
    if label is not None and label != wanted.get("network"):
        yield f"the label {NETWORK_LABEL}", label, str(wanted.get("network", ""))
    yield from _settings(environment, wanted)
    tag = proxy_image(pod).rpartition(":")[2]
    version = str(wanted.get("version", ""))
    if not other_revision and _RELEASE.match(tag) and version and not re.match(rf"{re.escape(version)}(?![0-9])", tag):
        yield "version", tag, version
    yield from _annotated(annotations, cluster, wanted)


def _requested_at(has: str, wanted: Mapping[str, Any]) -> tuple[str, str]:
    """The field that decides where a proxy requests its certificate, and the address. Pure.

    It is istio-csr's where that signs, or signed when the proxy was injected; otherwise the one of its istiod.
    """
    signer, istiod = str(wanted.get("caAddress", "")), str(wanted.get("discoveryAddress", ""))
    return ("caAddress" if signer or has.startswith(f"{RELEASE}.") else "discoveryAddress"), signer or istiod


def _is_on_another_revision(annotations: Mapping[str, str], wanted: Mapping[str, Any]) -> bool:
    """Whether a pod outside of the fleet is still on a revision that the fleet's workloads have left, as in an upgrade.

    A restart by its owner moves it to the new revision; until then the old istiod serves it.
    """
    return ANNOTATION not in annotations and annotations.get(REVISION, "default") != wanted.get("revision", "default")


def restart(cluster: ClusterView, pod: Pod) -> str:
    """The command that replaces a pod outside of the fleet. Pure."""
    namespace = (pod.metadata.namespace if pod.metadata else None) or "default"
    name = (pod.metadata.name if pod.metadata else None) or ""
    place = ["--kubeconfig", str(cluster.kubeconfig), "--namespace", namespace]
    owner = next(iter((pod.metadata.ownerReferences if pod.metadata else None) or ()), None)
    if owner is None:
        return shlex.join(["kubectl", *place, "delete", "pod", name]) + ", and recreate it"
    return shlex.join(["kubectl", *place, "rollout", "restart", _workload(owner, labels_of(pod))])


def _workload(owner: OwnerReference, labels: Mapping[str, str]) -> str:
    kind, name = owner.kind, owner.name
    if kind == "ReplicaSet":
        template = labels.get("pod-template-hash", "")
        return f"deployment/{name.removesuffix(f'-{template}')}"
    return f"{kind.lower()}/{name}"


def counts(pod: Pod) -> bool:
    """Whether a pod has a proxy and is not terminating. Pure."""
    terminating = bool(pod.metadata and pod.metadata.deletionTimestamp)
    return INJECTED in annotations_of(pod) and not terminating


def _wanted(cluster: ClusterView, annotations: Mapping[str, str], labels: Mapping[str, str]) -> Mapping[str, Any]:
    """The expected settings: those of gateways for a gateway or a pod on their revision, else of workloads."""
    injected = cluster.injected
    if labels.get(EAST_WEST[0]) == EAST_WEST[1] and injected.east_west:
        return injected.east_west
    on_gateway_revision = annotations.get(REVISION, "default") == injected.gateways.get("revision")
    return injected.gateways if on_gateway_revision else injected.workloads


def _settings(environment: Mapping[str, str], wanted: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    metadata = _read(environment.get("PROXY_CONFIG", "")).get("proxyMetadata") or {}
    declared = wanted.get("proxyMetadata") or {}
    for key, should in sorted(declared.items()):
        if metadata.get(key) != should:
            yield f"proxyMetadata.{key}", str(metadata.get(key, "")), str(should)


def _annotated(
    annotations: Mapping[str, str], cluster: ClusterView, wanted: Mapping[str, Any]
) -> Iterator[tuple[str, str, str]]:
    """Settings without a variable, the node's locality and the user's additions: known only for pods of the fleet."""
    if ANNOTATION not in annotations:
        return
    facts = _read(annotations[ANNOTATION])
    for field in ("region", "zone"):
        has, should = str(facts.get(field, "")), str(cluster.injected.workloads.get(field, ""))
        if has != should:
            yield field, has, should
    added, wanted_added = facts.get("added") or {}, wanted.get("added") or {}
    if added != wanted_added:
        yield "additional istio.values", shown(added), shown(wanted_added)


def _read(text: str) -> dict[str, Any]:
    try:
        value = parse_json(text or "{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
