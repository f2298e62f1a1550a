"""How clusters join Karmada in push mode: an account in each, and in Karmada's API server what leads to it.

With a declared identity people come through Karmada too: an account in each cluster that impersonates those who are
bound there, and in Karmada's API server who may come to which cluster.

Sources: https://karmada.io/docs/userguide/clustermanager/cluster-registration/, pkg/util/credential.go of
karmada-io/karmada v1.18.2 and https://karmada.io/docs/userguide/globalview/proxy-global-resource/
"""

from __future__ import annotations

from typing import Any, Final

from meshfleet.federation.identities.grants import grants
from meshfleet.federation.karmada.rights import IMPERSONATOR_ROLE, rules
from meshfleet.federation.propagated import propagations
from meshfleet.manifests.identities import subjects_of
from meshfleet.manifests.karmada_credentials import IMPERSONATOR, IMPERSONATOR_TOKEN, NAMESPACE, TOKEN, account
from meshfleet.manifests.objects import Object, metadata
from meshfleet.manifests.section import KARMADA, Document, Known, Point, Section, Stage, elsewhere
from meshfleet.topology import Fleet

GROUP: Final = "cluster.karmada.io"
_SYSTEM: Final = {"karmada.io/system": "true"}
_MANAGED: Final = {"karmada.io/managed": "true"}
_RBAC: Final = "rbac.authorization.k8s.io"


def cluster_document(cluster: str) -> str:
    """The document of a cluster in Karmada's API server."""
    return f"karmada-cluster-{cluster}"


def joins(fleet: Fleet) -> bool:
    """Whether the clusters of a fleet join Karmada."""
    return fleet.federation.engine == "karmada"


def people_come(fleet: Fleet) -> bool:
    """Whether identities are bound, so that people may come to clusters through Karmada."""
    return joins(fleet) and bool(grants(fleet).bindings)


def _accounts(fleet: Fleet, cluster: str, known: Known) -> list[Document]:
    if not joins(fleet):
        return []
    people = people_come(fleet)
    namespace: Object = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": metadata(NAMESPACE, labels=_SYSTEM),
    }
    role_name = f"karmada-controller-manager:{account(cluster)}"
    role = _role(role_name, rules(propagations(fleet).objects, impersonates=people))
    found = [
        Document("karmada-namespace", ACCOUNTS, namespace),
        *_account("karmada-account", TOKEN, account(cluster)),
        Document("karmada-role", ACCOUNTS, role),
        Document(
            "karmada-role-binding",
            ACCOUNTS,
            _binding(role_name, [_service_account(account(cluster))]),
            after=("karmada-role", "karmada-account"),
        ),
    ]
    if people:
        found += _account("karmada-impersonator", IMPERSONATOR_TOKEN, IMPERSONATOR)
        found.append(Document("karmada-impersonator-role", ACCOUNTS, _impersonator_role()))
    return found


def _account(document: str, token: str, name: str) -> list[Document]:
    """An account with a lasting token."""
    described = metadata(name, NAMESPACE)
    body: Object = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": described}
    secret: Object = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata(name, NAMESPACE, annotations={"kubernetes.io/service-account.name": name}),
        "type": "kubernetes.io/service-account-token",
    }
    return [
        # No pod runs with it.
        Document(document, ACCOUNTS, body | {"automountServiceAccountToken": False}, after=("karmada-namespace",)),
        Document(token, ACCOUNTS, secret, after=(document,)),
    ]


def _impersonator_role() -> Object:
    """The role that Karmada writes who may be impersonated into; with this label it takes it for its own."""
    made: Object = {"apiVersion": f"{_RBAC}/v1", "kind": "ClusterRole"}
    # It has no rules of ours, so that those of Karmada stay.
    return made | {"metadata": metadata(IMPERSONATOR_ROLE, labels=_MANAGED)}


def _clusters(fleet: Fleet, cluster: str, known: Known) -> list[Document]:
    if not joins(fleet):
        return []
    names = {account(cluster): cluster}
    if people_come(fleet):
        names[IMPERSONATOR] = f"{cluster}-impersonator"
    documents = {name: f"karmada-credentials-{secret}" for name, secret in names.items()}
    found = [
        _there(
            fleet,
            documents[name],
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": metadata(secret, NAMESPACE),
                "type": "Opaque",
                "data": known.karmada_credentials(cluster, name),
            },
        )
        for name, secret in names.items()
    ]
    after = (*documents.values(), elsewhere(cluster, "karmada-role-binding"))
    return [*found, _there(fleet, cluster_document(cluster), _cluster(fleet, cluster, known, names), after)]


def _cluster(fleet: Fleet, name: str, known: Known, secrets: dict[str, str]) -> Object:
    declared = fleet.clusters[name]
    spec: dict[str, Any] = {
        "id": known.cluster_id(name),
        "syncMode": "Push",
        "apiEndpoint": known.api_endpoint(name),
        "secretRef": {"namespace": NAMESPACE, "name": secrets[account(name)]},
        "provider": declared.provider,
    }
    if IMPERSONATOR in secrets:
        spec["impersonatorSecretRef"] = {"namespace": NAMESPACE, "name": secrets[IMPERSONATOR]}
    if declared.region:
        spec["region"] = declared.region
    if declared.zone:
        spec["zones"] = [declared.zone]
    if declared.taints:
        spec["taints"] = [
            {"key": one.key, "effect": one.effect} | ({"value": one.value} if one.value else {})
            for one in declared.taints
        ]
    described = metadata(name, labels=dict(declared.labels))
    return {"apiVersion": f"{GROUP}/v1alpha1", "kind": "Cluster", "metadata": described, "spec": spec}


def _people(fleet: Fleet, cluster: str, known: Known) -> list[Document]:
    """Who may come to which cluster: everybody whom something is bound to there, and every group they are in."""
    if not people_come(fleet) or cluster != fleet.host:
        return []
    found: list[Document] = []
    for name in fleet.clusters:
        if not (subjects := subjects_of(fleet, name)):
            continue
        role = f"meshfleet:proxy:{name}"
        rule = {
            "apiGroups": [GROUP],
            "resources": ["clusters/proxy"],
            "resourceNames": [name],
            "verbs": ["*"],
        }
        found += [
            _there(fleet, f"karmada-proxy-{name}", _role(role, [rule]), section=PEOPLE),
            _there(
                fleet,
                f"karmada-proxy-binding-{name}",
                _binding(role, subjects),
                (f"karmada-proxy-{name}", Point.KARMADA_JOINED),
                section=PEOPLE,
            ),
        ]
    return found


def _there(
    fleet: Fleet, name: str, body: Object, after: tuple[str, ...] = (), *, section: Section | None = None
) -> Document:
    return Document(name, section or CLUSTERS, body, after=after, cluster=fleet.host, server=KARMADA)


def _role(name: str, held: list[dict[str, Any]]) -> Object:
    return {"apiVersion": f"{_RBAC}/v1", "kind": "ClusterRole", "metadata": metadata(name), "rules": held}


def _binding(role: str, subjects: list[Object]) -> Object:
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": metadata(role),
        "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": role},
        "subjects": subjects,
    }


def _service_account(name: str) -> Object:
    return {"kind": "ServiceAccount", "name": name, "namespace": NAMESPACE}


ACCOUNTS = Section(
    name="karmada-accounts",
    stage=Stage.WORKLOADS,
    component="KarmadaMember",
    documents=_accounts,
    declared_in="federation",
    what="[the account of Karmada](karmada.md), and what it may do: bring what is propagated, and no more",
    waits_for="its namespace; the binding for its role and its account",
)
CLUSTERS = Section(
    name="karmada-clusters",
    stage=Stage.WORKLOADS,
    component="KarmadaEngine",
    documents=_clusters,
    declared_in="federation",
    what="in Karmada's API server: each cluster, and the token of its account there",
    waits_for="the tokens, and the rights of the account",
    others=lambda fleet, cluster: (
        [name for name in fleet.clusters if name != cluster] if joins(fleet) and cluster == fleet.host else ()
    ),
)
PEOPLE = Section(
    name="karmada-people",
    stage=Stage.WORKLOADS,
    component="KarmadaEngine",
    documents=_people,
    declared_in="identities",
    what="in Karmada's API server: who may come through it to which cluster",
    waits_for="the clusters to be ready in Karmada",
)
