"""What a reader may do in a cluster: no more than the control planes that discover it, and serve it, need there.

A reader is the account whose token is in the remote secrets of peers. The rights that Istio's chart gives it are left
out (`global.enableReaderRBAC`): it may get every Secret and ConfigMap by its name, of a remote cluster also change any
ConfigMap and every webhook, which is to rule the cluster.

Secrets are listed all the same. An istiod watches those of each cluster that it discovers, for the certificates of
gateways there, and counts a cluster whose Secrets it may not list as not synced. The setting with which it would not,
PILOT_ENABLE_REMOTE_CREDENTIALS_CONTROLLER=false, is new in 1.31 and ends it at the first remote secret
(tests/plugins/meshfleet/test_secrets_of_remote_clusters.py).

Sources, of istio/istio: buildClusterCollections in pkg/kube/multicluster/cluster.go, NewCredentialsController in
pilot/pkg/credentials/kube/secrets.go, NewMulticluster and initializeCluster in
pilot/pkg/serviceregistry/kube/controller/multicluster.go, and istioctl/pkg/analyze for the kinds that it reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from meshfleet.manifests import names, revision_tags
from meshfleet.manifests.control_plane import injection_webhook
from meshfleet.manifests.objects import Object, metadata
from meshfleet.manifests.remote_secrets import READER
from meshfleet.manifests.section import Document, Known, Point, Section, Stage
from meshfleet.topology import Fleet

ROLE = "meshfleet-reader"
"""The name of the ClusterRole, of the Role in the system namespace, and of their bindings."""
RBAC = "rbac.authorization.k8s.io"
READ = ("get", "list", "watch")
CONFIGURATION = (
    "networking.istio.io",
    "security.istio.io",
    "telemetry.istio.io",
    "extensions.istio.io",
    "gateway.networking.k8s.io",
)
"""The API groups of the configuration of Istio, of which none holds a secret."""
ROOT_CERTIFICATE, REVOKED_CERTIFICATES = "istio-ca-root-cert", "istio-ca-crl"
ELECTION = "istio-namespace-controller-election"

Rule = dict[str, Any]


def cluster_rules(fleet: Fleet, cluster: str) -> list[Rule]:
    """What a reader may do in all namespaces of a cluster, as rules of a ClusterRole."""
    rules = [
        _rule("", ("namespaces", "nodes", "pods", "services"), READ),
        _rule("", ("secrets",), ("list", "watch")),
        _rule("discovery.k8s.io", ("endpointslices",), READ),
        _rule("apiextensions.k8s.io", ("customresourcedefinitions",), READ),
        # istiod reads WorkloadEntries and Gateways; istioctl analyze waits for every kind, and without end.
        {"apiGroups": list(CONFIGURATION), "resources": ["*"], "verbs": list(READ)},
        # With the settings of istiod for Multi-Cluster Services.
        _rule("multicluster.x-k8s.io", ("serviceexports", "serviceimports"), READ),
    ]
    return rules if fleet.is_primary(cluster) else rules + _rules_of_control_plane(fleet, cluster)


def system_rules(fleet: Fleet, cluster: str) -> list[Rule]:
    """What it may do in the system namespace alone, as rules of a Role."""
    maps = [names.mesh_config_map(revision) for revision in fleet.istio.installed]
    rules = [_rule("", ("configmaps",), READ, maps)]
    if not fleet.is_primary(cluster):
        rules.append(_rule("", ("configmaps",), ("get", "update"), [ELECTION]))
    return rules


def _rules_of_control_plane(fleet: Fleet, cluster: str) -> list[Rule]:
    """What an istiod needs of a cluster that it serves, and that has no istiod of its own.

    It writes the roots into each namespace and its authority into the webhooks of its revision, asks who holds a token,
    and whether a gateway may have a certificate. RBAC cannot limit what is created by its name.
    """
    namespace = fleet.system_namespace(cluster)
    hooks = [injection_webhook(revision, namespace) for revision in fleet.istio.installed]
    hooks += [revision_tags.webhook_name(tag, namespace) for tag in revision_tags.tags(fleet, cluster)]
    group = "admissionregistration.k8s.io"
    return [
        _rule("", ("configmaps",), ("create",)),
        _rule("", ("configmaps",), (*READ, "update"), [ROOT_CERTIFICATE, REVOKED_CERTIFICATES]),
        _rule(group, ("mutatingwebhookconfigurations",), READ),
        _rule(group, ("mutatingwebhookconfigurations",), ("patch", "update"), hooks),
        _rule("authentication.k8s.io", ("tokenreviews",), ("create",)),
        _rule("authorization.k8s.io", ("subjectaccessreviews",), ("create",)),
    ]


def _rule(group: str, resources: Sequence[str], verbs: Sequence[str], named: Sequence[str] = ()) -> Rule:
    rule: Rule = {"apiGroups": [group], "resources": list(resources), "verbs": list(verbs)}
    return rule | {"resourceNames": list(named)} if named else rule


def documents(fleet: Fleet, cluster: str, known: Known) -> list[Document]:
    """The rights in a cluster that a control plane elsewhere reads; none where no other one does."""
    if not fleet.readers_of(cluster):
        return []
    namespace = fleet.system_namespace(cluster)
    subject = {"kind": "ServiceAccount", "name": READER, "namespace": namespace}
    found = []
    for name, kind, place, rules in (
        ("reader-cluster-role", "ClusterRole", "", cluster_rules(fleet, cluster)),
        ("reader-system-role", "Role", namespace, system_rules(fleet, cluster)),
    ):
        role: Object = {"apiVersion": f"{RBAC}/v1", "kind": kind, "metadata": metadata(ROLE, place), "rules": rules}
        binding: Object = {
            "apiVersion": f"{RBAC}/v1",
            "kind": f"{kind}Binding",
            "metadata": metadata(ROLE, place),
            "roleRef": {"apiGroup": RBAC, "kind": kind, "name": ROLE},
            "subjects": [subject],
        }
        found += [
            Document(name, SECTION, role, after=(Point.SYSTEM_PREPARED,)),
            Document(f"{name}-binding", SECTION, binding, after=(name,)),
        ]
    return found


SECTION = Section(
    name="reader",
    stage=Stage.CONTROL_PLANE,
    component="ControlPlane",
    documents=documents,
    declared_in="clusters.<name>.discovery",
    what="what `istio-reader-service-account` may do",
    waits_for="the system namespace",
)
