"""The control plane of Karmada on the host: a release of its own chart, with the fleet's certificates.

The chart generates certificates in a Job, or takes those of its values. With the latter nothing of it has a key of a
root, and pods are restarted by their fingerprint: the chart changes nothing in a Deployment when its Secrets change.

Source: charts/karmada of karmada-io/karmada v1.18.2
"""

from __future__ import annotations

from typing import Any, Final

from meshfleet.manifests.objects import Chart, Object, Release, metadata
from meshfleet.manifests.section import Document, Known, Point, Section, Stage
from meshfleet.topology import Fleet
from meshfleet.topology.federation import KarmadaChart
from meshfleet.topology.owned_karmada import FINGERPRINT, RELEASE, RESTARTED
from meshfleet.topology.patching import merged

NAME: Final = "karmada"
"""The release, with which the names of its Services begin."""
SERVICE: Final = f"{NAME}-apiserver"
PORT: Final = 5443
CONTEXT: Final = "karmada-apiserver"
"""The context of its kubeconfig."""
_NAMESPACE: Final = "karmada-system"


def chart_of(fleet: Fleet) -> KarmadaChart | None:
    """The chart that the stack file names; None for a control plane that is there, or another engine."""
    return fleet.federation.karmada.chart if fleet.federation.karmada else None


def server_name(chart: KarmadaChart) -> str:
    """The name that the certificate of the API server has, whatever its address is."""
    return f"{SERVICE}.{chart.namespace}.svc"


def kubeconfig(chart: KarmadaChart, server: str, authority: str, certificate: str, key: str) -> Object:
    """The kubeconfig of Karmada's API server, pinned to its authority; of base64 texts."""
    cluster = {"server": server, "tls-server-name": server_name(chart), "certificate-authority-data": authority}
    user = {"client-certificate-data": certificate, "client-key-data": key}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": CONTEXT,
        "contexts": [{"name": CONTEXT, "context": {"cluster": CONTEXT, "user": CONTEXT}}],
        "clusters": [{"name": CONTEXT, "cluster": cluster}],
        "users": [{"name": CONTEXT, "user": user}],
    }


def values(chart: KarmadaChart, known: Known) -> Object:
    """The values of the release, with those of the user last."""
    fingerprint = known.karmada_fingerprint()
    made: dict[str, Any] = {part: {"podAnnotations": {FINGERPRINT: fingerprint}} for part in RESTARTED}
    made["apiServer"]["serviceType"] = chart.type
    if chart.node_port is not None:
        made["apiServer"]["nodePort"] = chart.node_port
    if chart.service_annotations:
        made["apiServer"]["serviceAnnotations"] = dict(sorted(chart.service_annotations.items()))
    made |= {
        "installMode": "host",
        "systemNamespace": chart.namespace,
        "clusterDomain": "cluster.local",
        "certs": {"mode": "custom", "custom": dict(known.karmada_certificates())},
        # It has no annotations of its pods.
        "etcd": {"mode": "internal", "podLabels": {FINGERPRINT: fingerprint}},
    }
    return dict(merged(made, chart.values))


def _documents(fleet: Fleet, cluster: str, known: Known) -> list[Document]:
    chart = chart_of(fleet)
    if chart is None or cluster != fleet.host:
        return []
    namespace: Object = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata(chart.namespace)}
    release = Release(NAME, chart.namespace, Chart.KARMADA, values(chart, known), wait=True)
    return [
        Document(_NAMESPACE, SECTION, namespace),
        Document(RELEASE, SECTION, release, after=(_NAMESPACE, Point.KARMADA_PREPARED)),
    ]


SECTION = Section(
    name="karmada-control-plane",
    stage=Stage.WORKLOADS,
    component="KarmadaControlPlane",
    documents=_documents,
    declared_in="federation.karmada.chart",
    what="on the host: a release of [Karmada's chart](karmada.md#a-release-of-its-chart), in a namespace of its own",
    waits_for="its namespace; its certificates, below the root of the mesh",
)
