"""A Pod in a namespace labeled for injection gets a sidecar of its own cluster, network and mesh.

The Pod is created as a server-side dry run: the injector is called (sideEffects None) and nothing is stored.
Source: https://istio.io/latest/docs/setup/additional-setup/sidecar-injection/
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lightkube import Client
from lightkube.models.core_v1 import Container, PodSpec
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import Namespace, Pod

from meshfleet.verification.check import Check, Finding
from meshfleet.verification.cluster_api import reach
from meshfleet.verification.view import ClusterView, FleetView

PROXY = "istio-proxy"
PROBE = "meshfleet-probe"


@dataclass(frozen=True)
class Place:
    """Where the Pod is created: a namespace, the labels that the Pod needs there, and the reason."""

    namespace: str
    labels: Mapping[str, str]
    why: str


class Injection(Check):
    """Creates, as a dry run, a Pod where injection is enabled and reads the injected sidecar."""

    name = "injection"

    def targets(self, fleet: FleetView) -> tuple[ClusterView, ...]:
        return tuple(cluster for cluster in fleet.clusters if cluster.data_plane == "sidecar")

    def evaluate(self, fleet: FleetView, cluster: ClusterView, timeout: float) -> Finding:
        with reach(cluster, timeout) as client:
            place = choose_place(cluster, _labels_of_namespaces(client))
            probe = Pod(
                metadata=ObjectMeta(name=PROBE, namespace=place.namespace, labels=dict(place.labels)),
                spec=PodSpec(containers=[Container(name="probe", image="probe.invalid/none")]),
            )
            created = client.create(probe)
        return judge(cluster, place, sidecar_environment(created))


def _labels_of_namespaces(client: Client) -> dict[str, Mapping[str, str]]:
    found: dict[str, Mapping[str, str]] = {}
    for namespace in client.list(Namespace):
        if namespace.metadata is not None and namespace.metadata.name is not None:
            found[namespace.metadata.name] = namespace.metadata.labels or {}
    return found


def choose_place(cluster: ClusterView, namespaces: Mapping[str, Mapping[str, str]]) -> Place:
    """A namespace declared by the fleet, else any namespace labeled for injection, else a labeled Pod in `default`.

    The last uses the same injector through the webhook that selects Pods by label.
    """
    for name in cluster.injected_namespaces:
        return Place(name, {}, f"namespace {name}, which the fleet labels for injection")
    revision = cluster.control_plane.revision
    for name, labels in sorted(namespaces.items()):
        marked = labels.get("istio.io/rev") == revision and "istio-injection" not in labels
        if marked or (revision == "default" and labels.get("istio-injection") == "enabled"):
            return Place(name, {}, f"namespace {name}, which is labeled for injection")
    label = {"sidecar.istio.io/inject": "true"} if revision == "default" else {"istio.io/rev": revision}
    return Place("default", label, "namespace default by the Pod's own label, as no namespace is labeled for injection")


def sidecar_environment(pod: Pod) -> Mapping[str, str] | None:
    """The literal environment of the Pod's sidecar, or None without a sidecar.

    A native sidecar is an init container that keeps running, so both container lists are searched.
    """
    spec = pod.spec
    if spec is None:
        return None
    for container in [*spec.containers, *(spec.initContainers or [])]:
        if container.name == PROXY:
            return {entry.name: entry.value for entry in container.env or [] if entry.value is not None}
    return None


def judge(cluster: ClusterView, place: Place, environment: Mapping[str, str] | None) -> Finding:
    """Whether a sidecar was injected, and with the cluster, network and mesh of this cluster."""
    if environment is None:
        return Finding(
            False,
            f"a Pod in {place.why}, was created without {PROXY}: the injector is not called; "
            "check MutatingWebhookConfiguration istio-sidecar-injector and the labels of the namespace",
        )
    expected = {
        "ISTIO_META_CLUSTER_ID": cluster.name,
        "ISTIO_META_NETWORK": cluster.network,
        "ISTIO_META_MESH_ID": cluster.mesh,
    }
    wrong = [
        f"{name} is {environment.get(name, 'not set')}, expected {value}"
        for name, value in expected.items()
        if environment.get(name) != value
    ]
    if wrong:
        return Finding(
            False,
            f"a Pod in {place.why}, got {PROXY} with {'; '.join(wrong)}: the injector's path /inject/cluster/…/net/… "
            "and the chart values must have the names of this cluster",
        )
    return Finding(
        True,
        f"a Pod in {place.why}, gets {PROXY} of cluster {cluster.name}, network {cluster.network}, mesh {cluster.mesh}",
    )
