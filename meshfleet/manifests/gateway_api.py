"""The Kubernetes Gateway API in a cluster: its definitions, and who may read its objects.

Source: https://gateway-api.sigs.k8s.io/guides/
"""

from __future__ import annotations

from collections.abc import Sequence

from meshfleet.manifests import names
from meshfleet.manifests.objects import Chart, Object, Release, metadata
from meshfleet.manifests.remote_secrets import READER
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


def reading(fleet: Fleet, cluster: str) -> dict[str, Object]:
    """What the reader's account needs beside the istiod chart's role, by name: routes of the Gateway API.

    istiod does without, but `istioctl analyze` reads them in every cluster that has a remote secret, and waits
    without end where it may not.
    """
    if not fleet.uses_gateway_api(cluster) or not fleet.readers_of(cluster):
        return {}
    rule = {
        "apiGroups": ["gateway.networking.k8s.io"],
        "resources": ["*"],
        "verbs": ["get", "list", "watch"],
    }
    subject = {"kind": "ServiceAccount", "name": READER, "namespace": fleet.system_namespace(cluster)}
    name = metadata("istio-reader-gateway-api")
    group = "rbac.authorization.k8s.io"
    return {
        "reader-role": {
            "apiVersion": f"{group}/v1",
            "kind": "ClusterRole",
            "metadata": name,
            "rules": [rule],
        },
        "reader-role-binding": {
            "apiVersion": f"{group}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": name,
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": name["name"]},
            "subjects": [subject],
        },
    }


def _definitions(fleet: Fleet, cluster: str, known: Known) -> list[Document]:
    releases = before(fleet, cluster).items()
    return [Document(name, DEFINITIONS, release, after=(Point.SYSTEM_PREPARED,)) for name, release in releases]


def _reader(fleet: Fleet, cluster: str, known: Known) -> list[Document]:
    objects = reading(fleet, cluster).items()
    return [Document(name, READER_ROLE, body, after=names.charts(fleet)) for name, body in objects]


DEFINITIONS = Section(
    name="gateway-api",
    stage=Stage.CONTROL_PLANE,
    component="ControlPlane",
    documents=_definitions,
    declared_in="clusters.<name>.dataPlane",
    what="the definitions of the Gateway API, where ambient mode or a gateway needs them and pods do not run",
    waits_for="the system namespace",
)
READER_ROLE = Section(
    name="reader-role",
    stage=Stage.DISCOVERY,
    component="Reader",
    documents=_reader,
    declared_in="clusters.<name>.discovery",
    what="the right of `istio-reader-service-account` to read the Gateway API",
    waits_for="the releases of Istio",
)
