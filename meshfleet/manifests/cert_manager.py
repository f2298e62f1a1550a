"""What cert-manager needs in the cluster in which it issues the intermediates of meshes, and what it is to issue.

All of it is in a namespace of its own. The Issuer is one of that namespace, since where a ClusterIssuer looks for its
Secret depends on how cert-manager was started.
Source: https://cert-manager.io/docs/configuration/ca/ and https://cert-manager.io/docs/usage/certificate/
"""

from __future__ import annotations

from meshfleet.manifests.objects import Chart, Object, Release, encoded, metadata
from meshfleet.manifests.section import Document, Known, Point, Section, Stage
from meshfleet.topology import Fleet
from meshfleet.topology.cert_manager import CERT_MANAGER_GROUP
from meshfleet.topology.patching import merged

NAMESPACE = "meshfleet-trust"
VERSION = f"{CERT_MANAGER_GROUP}/v1"
NAMESPACE_DOCUMENT, DEFINITIONS_DOCUMENT = "trust-namespace", "cert-manager"

# https://artifacthub.io/packages/helm/cert-manager/cert-manager
_VALUES: Object = {
    "crds": {"enabled": True, "keep": False},
    # With a Certificate goes its Secret.
    "enableCertificateOwnerRef": True,
    # In place of kube-system, where it would need a role.
    "global": {"leaderElection": {"namespace": NAMESPACE}},
    # `up` has it check a Certificate before it goes on.
    "startupapicheck": {"enabled": False},
}
# https://cert-manager.io/docs/reference/api-docs/#cert-manager.io/v1.CertificatePrivateKey
KEYS = {"ecdsa-p256": {"algorithm": "ECDSA", "size": 256}, "rsa-4096": {"algorithm": "RSA", "size": 4096}}


def intermediate(cluster: str) -> str:
    """The Certificate of a cluster's intermediate, its Secret and its document."""
    return f"intermediate-{cluster}"


def issuer(mesh: str) -> str:
    """The document of the Issuer of a mesh."""
    return f"issuer-{mesh}"


def root(mesh: str) -> str:
    """The document of the Secret with the root of a mesh that signs."""
    return f"root-{mesh}"


def issuer_name(fleet: Fleet, mesh: str) -> str:
    """The Issuer below the root of the stack that signs, and its Secret: another root has another one."""
    return f"root-{mesh}-{fleet.meshes[mesh].trust.bundle[0]}"


def issuer_ref(fleet: Fleet, mesh: str) -> Object:
    """The issuer of the intermediates of a mesh: the user's own, or the one below the root of the stack."""
    if chosen := fleet.meshes[mesh].trust.cert_manager.issuer_ref:
        return {"group": chosen.group, "kind": chosen.kind, "name": chosen.name}
    return {"group": CERT_MANAGER_GROUP, "kind": "Issuer", "name": issuer_name(fleet, mesh)}


def root_data(certificate: str, key: str) -> dict[str, str]:
    """The `data` of the Secret of a root; secret as a whole."""
    return {"tls.crt": encoded(certificate), "tls.key": encoded(key)}


def certificate_spec(fleet: Fleet, cluster: str) -> Object:
    """What the intermediate of a cluster is to say, as the `spec` of its Certificate."""
    mesh = fleet.mesh_of(cluster)
    trust = fleet.meshes[mesh].trust
    return {
        "secretName": intermediate(cluster),
        "isCA": True,
        "commonName": "Intermediate CA",
        "subject": {"organizations": [trust.organization], "localities": [cluster]},
        "dnsNames": [f"istiod.{fleet.system_namespace(cluster)}.svc"],
        "duration": f"{24 * trust.intermediate.validity_days}h0m0s",
        "renewBefore": f"{24 * trust.intermediate.renew_before_days}h0m0s",
        # Another key with each certificate, as with the intermediates that the stack issues itself.
        "privateKey": {**KEYS[trust.algorithm], "encoding": "PKCS8", "rotationPolicy": "Always"},
        "usages": ["digital signature", "cert sign"],
        "issuerRef": issuer_ref(fleet, mesh),
    }


def _object(api_version: str, kind: str, name: str, **rest: object) -> Object:
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata(name, NAMESPACE), **rest}


def _definitions(fleet: Fleet, cluster: str, known: Known) -> list[Document]:
    if not fleet.uses_cert_manager(cluster):
        return []
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata(NAMESPACE)}
    made = [Document(NAMESPACE_DOCUMENT, DEFINITIONS, namespace)]
    if installed := fleet.cert_manager_of(cluster):
        chart = not fleet.runs_cert_manager(cluster)
        values = merged(_VALUES, installed.values) if chart else {}
        release = Release("cert-manager", NAMESPACE, Chart.CERT_MANAGER, values, wait=chart)
        made.append(Document(DEFINITIONS_DOCUMENT, DEFINITIONS, release, after=(NAMESPACE_DOCUMENT,)))
    return made


def _documents(fleet: Fleet, cluster: str, known: Known) -> list[Document]:
    return [document for mesh in fleet.issues_for(cluster) for document in _of_mesh(fleet, mesh, known)]


def _of_mesh(fleet: Fleet, mesh: str, known: Known) -> list[Document]:
    theirs = fleet.meshes[mesh].trust.signs_elsewhere
    made = [] if theirs else _issuer(fleet, mesh, known)
    after = (NAMESPACE_DOCUMENT, Point.CERT_MANAGER) if theirs else (issuer(mesh),)
    for cluster in fleet.primaries_of(mesh):
        name = intermediate(cluster)
        requested = _object(VERSION, "Certificate", name, spec=certificate_spec(fleet, cluster))
        made.append(Document(name, SECTION, requested, after=after))
    return made


def _issuer(fleet: Fleet, mesh: str, known: Known) -> list[Document]:
    """The root of the stack that signs, and the Issuer of it."""
    name = issuer_name(fleet, mesh)
    secret = _object("v1", "Secret", name, type="kubernetes.io/tls", data=known.root_authority(mesh))
    signing = _object(VERSION, "Issuer", name, spec={"ca": {"secretName": name}})
    return [
        Document(root(mesh), SECTION, secret, after=(NAMESPACE_DOCUMENT,)),
        Document(issuer(mesh), SECTION, signing, after=(root(mesh), Point.CERT_MANAGER)),
    ]


DEFINITIONS = Section(
    name="cert-manager",
    stage=Stage.TRUST,
    component="CertificateIssuer",
    documents=_definitions,
    declared_in="meshes.<name>.trust.certManager",
    what="where cert-manager issues, or signs for istio-csr: a namespace, and where the fleet installs it the "
    "definitions of cert-manager",
    waits_for="the cluster",
)
SECTION = Section(
    name="certificates",
    stage=Stage.TRUST,
    component="CertificateIssuer",
    documents=_documents,
    declared_in="meshes.<name>.trust.certManager",
    what="where cert-manager issues: a Certificate for each intermediate, and below a root of the stack that root with "
    "its key and an Issuer",
    waits_for="the mesh's root; cert-manager",
)
