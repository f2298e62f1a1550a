"""Revision tags: names that namespaces are labelled with and that stand for a revision, so that labels stay.

A tag is a webhook of its own, and an object of its own rather than a value of a revision's chart: there it would
belong to one release, and moving it to the next would leave a moment without it.
Source: templates/revision-tags-mwc.yaml of manifests/charts/istio-control/istio-discovery in istio/istio, and
https://istio.io/latest/docs/setup/upgrade/canary/#stable-revision-labels
"""

from __future__ import annotations

from meshfleet.manifests import names
from meshfleet.manifests.control_plane import Webhooks, injection_path, webhooks
from meshfleet.manifests.objects import Object, metadata
from meshfleet.manifests.section import Document, Known, Section, Stage
from meshfleet.topology import Fleet
from meshfleet.topology.system_names import ISTIO_SYSTEM

REVISION = "istio.io/rev"
INJECT = "sidecar.istio.io/inject"


def documents(fleet: Fleet, cluster: str, known: Known) -> list[Document]:
    """The webhook of each tag, after the chart of the revision that tags stand for."""
    revision = fleet.istio.revision
    found = webhooks(fleet, cluster, revision, known)
    after = (names.istiod_service(revision),)
    return [
        Document(names.tag(tag), SECTION, webhook(fleet, cluster, tag, found), after=after)
        for tag in tags(fleet, cluster)
    ]


def tags(fleet: Fleet, cluster: str) -> tuple[str, ...]:
    """The tags of a cluster; none in ambient mode, whose pods are not injected."""
    return () if fleet.clusters[cluster].data_plane == "ambient" else tuple(fleet.istio.tags)


def webhook_name(tag: str, namespace: str) -> str:
    """The name of a tag's MutatingWebhookConfiguration, with Istio in `namespace`."""
    return f"istio-revision-tag-{tag}" + ("" if namespace == ISTIO_SYSTEM else f"-{namespace}")


def webhook(fleet: Fleet, cluster: str, tag: str, webhooks: Webhooks | None) -> Object:
    """The webhook of a tag. `webhooks` are those of the tags' revision, where its istiod is a process."""
    namespace = fleet.system_namespace(cluster)
    revision = fleet.istio.revision
    service = {
        "name": names.istiod_service(revision),
        "namespace": namespace,
        "path": injection_path(fleet, cluster),
        "port": 443,
    }
    # istiod adds the caBundle of its own revision; no other writer may own that field.
    shared = {
        "clientConfig": {"url": webhooks.injection} if webhooks else {"service": service},
        "sideEffects": "None",
        "rules": [{"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}],
        "failurePolicy": "Fail",
        "reinvocationPolicy": "Never",
        "admissionReviewVersions": ["v1"],
    }
    not_refused = {"key": INJECT, "operator": "NotIn", "values": ["false"]}
    tagged = {"key": REVISION, "operator": "In", "values": [tag]}
    unlabelled = {"key": "istio-injection", "operator": "DoesNotExist"}
    by_namespace = {
        "name": "rev.namespace.sidecar-injector.istio.io",
        **shared,
        "namespaceSelector": {"matchExpressions": [tagged, unlabelled]},
        "objectSelector": {"matchExpressions": [not_refused]},
    }
    by_pod = {
        "name": "rev.object.sidecar-injector.istio.io",
        **shared,
        "namespaceSelector": {"matchExpressions": [{"key": REVISION, "operator": "DoesNotExist"}, unlabelled]},
        "objectSelector": {"matchExpressions": [not_refused, tagged]},
    }
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": metadata(
            webhook_name(tag, namespace),
            labels={"istio.io/tag": tag, REVISION: revision, "app": "sidecar-injector"},
        ),
        "webhooks": [by_namespace, by_pod],
    }


SECTION = Section(
    name="revision-tags",
    stage=Stage.CONTROL_PLANE,
    component="ControlPlane",
    documents=documents,
    declared_in="istio.tags",
    what="the webhook of each revision tag",
    waits_for="the release of the revision that the tags stand for",
)
