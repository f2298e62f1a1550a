"""The Kubernetes Gateway API in a cluster: its definitions, and the parts of a Gateway.

Source: https://gateway-api.sigs.k8s.io/guides/
"""

from __future__ import annotations

from collections.abc import Sequence

from meshfleet.manifests.objects import Chart, Object, Release
from meshfleet.manifests.section import Document, Known, Point, Section, Stage
from meshfleet.topology import Fleet


def before(fleet: Fleet, cluster: str) -> dict[str, Release]:
    """The releases that come before base, by name. A cluster that something else made brings the Gateway API along."""
    if not fleet.uses_gateway_api(cluster) or fleet.clusters[cluster].capabilities.gateway_api == "cluster":
        return {}
    return {"gateway-api": Release("gateway-api", fleet.system_namespace(cluster), Chart.GATEWAY_API, {}, wait=False)}


def gateway(described: Object, class_name: str, listeners: Sequence[Object]) -> Object:
    """A Gateway with its metadata, the name of its class and its listeners."""
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": described,
        "spec": {"gatewayClassName": class_name, "listeners": list(listeners)},
    }


def revision_label(fleet: Fleet) -> dict[str, str]:
    """The label by which the istiods of the gateways' revision, and no other, take a Gateway for theirs."""
    revision = fleet.istio.gateways
    return {} if revision == "default" else {"istio.io/rev": revision}


def _definitions(fleet: Fleet, cluster: str, known: Known) -> list[Document]:
    releases = before(fleet, cluster).items()
    return [Document(name, DEFINITIONS, release, after=(Point.SYSTEM_PREPARED,)) for name, release in releases]


DEFINITIONS = Section(
    name="gateway-api",
    stage=Stage.CONTROL_PLANE,
    component="ControlPlane",
    documents=_definitions,
    declared_in="clusters.<name>.dataPlane",
    what="the definitions of the Gateway API, where ambient mode or a gateway needs them and pods do not run",
    waits_for="the system namespace",
)
