"""istio-csr in a cluster: the release, the intermediate that it has cert-manager sign with, and istiod's certificate.

All of it is beside istiod, so that both read the roots from one Secret. The intermediate is the authority of an Issuer,
in place of the Secret `cacerts`; pods are shown the roots of that Secret and never its key.
Sources: https://cert-manager.io/docs/usage/istio-csr/installation/ and
https://cert-manager.io/docs/configuration/ca/
"""

from __future__ import annotations

from meshfleet.manifests import names
from meshfleet.manifests.cert_manager import KEYS, VERSION
from meshfleet.manifests.objects import Chart, Object, Release, encoded, metadata, with_spec
from meshfleet.manifests.section import Document, Known, Point, Section, Stage
from meshfleet.manifests.trust import ROOTS_ANNOTATION, CertificateAuthority
from meshfleet.topology import Fleet
from meshfleet.topology.cert_manager import CERT_MANAGER_GROUP
from meshfleet.topology.patching import merged

# The chart calls its Service by its own name, which a rule keeps.
RELEASE = str(Chart.ISTIO_CSR)
AUTHORITY, ISSUER = "istio-csr-authority", "istio-csr"
CERTIFICATE, KEY, ROOTS = "tls.crt", "tls.key", "root-cert.pem"
_ROOTS_FOLDER, _TLS_FOLDER = "/var/run/secrets/meshfleet/roots", "/var/run/secrets/meshfleet/tls"
# As long as those of workloads are at most; both files are read again when they change.
_DURATION, _RENEW_BEFORE = "24h0m0s", "12h0m0s"


def address(fleet: Fleet, cluster: str) -> str:
    """Where the proxies of a cluster request their certificates."""
    return f"{_host(fleet, cluster)}:443"


def authority_data(authority: CertificateAuthority) -> dict[str, str]:
    """The `data` of the Secret of the intermediate; secret as a whole."""
    return {
        CERTIFICATE: encoded(authority.chain),
        KEY: encoded(authority.key),
        # Not `ca.crt`, of which cert-manager expects one certificate.
        ROOTS: encoded(authority.root),
    }


def istiod_values(fleet: Fleet, cluster: str, roots: object) -> Object:
    """Values of the chart istiod that leave the certificates of workloads to istio-csr.

    Without an authority istiod does not know the roots that it tells the proxies of while they change (see
    `PROXY_CONFIG_XDS_AGENT`), so that it has them from the mesh configuration: as one text, since it sorts several.
    Its own certificate is given by arguments: a Secret called `istiod-tls`, which the chart mounts where there is one,
    would still be there while istiod begins to sign by itself again.
    """
    own = {"name": "meshfleet-tls", "secret": {"secretName": certificate_name(fleet, cluster)}}
    return {
        "global": {"caAddress": address(fleet, cluster)},
        "env": {"ENABLE_CA_SERVER": "false"},
        "meshConfig": {"caCertificates": [{"pem": roots}]},
        "extraContainerArgs": [
            f"--tlsCertFile={_TLS_FOLDER}/{CERTIFICATE}",
            f"--tlsKeyFile={_TLS_FOLDER}/{KEY}",
            f"--caCertFile={_ROOTS_FOLDER}/{ROOTS}",
        ],
        "volumes": [_roots_volume(), own],
        "volumeMounts": [_roots_mount(), {"name": "meshfleet-tls", "mountPath": _TLS_FOLDER, "readOnly": True}],
    }


def certificate_name(fleet: Fleet, cluster: str) -> str:
    """The Certificate of istiod and its Secret: another one below another root, since nothing else has it renewed."""
    # Roots in files have their names when these are read.
    signing = fleet.meshes[fleet.mesh_of(cluster)].trust.bundle or ("root",)
    return f"istiod-{signing[0]}"


def documents(fleet: Fleet, cluster: str, known: Known) -> list[Document]:
    """The intermediate, the Issuer of it, the certificate of istiod and the release; none where istiod signs."""
    if not fleet.has_istio_csr(cluster):
        return []
    namespace = fleet.system_namespace(cluster)
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata(AUTHORITY, namespace),
        "type": "kubernetes.io/tls",
        "data": known.istio_csr_authority(cluster),
    }
    issuer = with_spec(VERSION, "Issuer", ISSUER, namespace, {"ca": {"secretName": AUTHORITY}})
    name, spec = certificate_name(fleet, cluster), _certificate(fleet, cluster)
    certificate = with_spec(VERSION, "Certificate", name, namespace, spec)
    values = merged(_values(fleet, cluster, known), fleet.meshes[fleet.mesh_of(cluster)].trust.istio_csr.values)
    release = Release(RELEASE, namespace, Chart.ISTIO_CSR, values, wait=True)
    return [
        Document(AUTHORITY, SECTION, secret, after=(names.SYSTEM_NAMESPACE,)),
        Document(names.ISTIO_CSR_ISSUER, SECTION, issuer, after=(AUTHORITY, Point.CERT_MANAGER)),
        Document(names.ISTIOD_CERTIFICATE, SECTION, certificate, after=(names.ISTIO_CSR_ISSUER,)),
        Document(names.ISTIO_CSR, SECTION, release, after=(names.ISTIO_CSR_ISSUER,)),
    ]


def _values(fleet: Fleet, cluster: str, known: Known) -> Object:
    namespace = fleet.system_namespace(cluster)
    return {
        "app": {
            "certmanager": {
                "namespace": namespace,
                "issuer": {"name": ISSUER, "kind": "Issuer", "group": CERT_MANAGER_GROUP},
            },
            "tls": {
                "trustDomain": fleet.meshes[fleet.mesh_of(cluster)].trust_domain,
                "rootCAFile": f"{_ROOTS_FOLDER}/{ROOTS}",
                "certificateDNSNames": [_host(fleet, cluster)],
                "istiodCertificateEnable": False,
            },
            "server": {"clusterID": cluster},
            "istio": {"namespace": namespace, "revisions": list(fleet.istio.installed)},
            "controller": {"leaderElectionNamespace": namespace},
        },
        # Its own certificate is of the root that signed when it started.
        "podAnnotations": {ROOTS_ANNOTATION: known.roots(cluster)},
        "volumes": [_roots_volume()],
        "volumeMounts": [_roots_mount()],
    }


def _certificate(fleet: Fleet, cluster: str) -> Object:
    namespace, mesh = fleet.system_namespace(cluster), fleet.meshes[fleet.mesh_of(cluster)]
    hosts = [f"{names.istiod_service(revision)}.{namespace}.svc" for revision in fleet.istio.installed]
    return {
        "secretName": certificate_name(fleet, cluster),
        "dnsNames": hosts,
        "uris": [f"spiffe://{mesh.trust_domain}/ns/{namespace}/sa/istiod-service-account"],
        "duration": _DURATION,
        "renewBefore": _RENEW_BEFORE,
        "privateKey": {**KEYS[mesh.trust.algorithm], "rotationPolicy": "Always"},
        "usages": ["digital signature", "key encipherment", "server auth", "client auth"],
        "revisionHistoryLimit": 1,
        "issuerRef": {"group": CERT_MANAGER_GROUP, "kind": "Issuer", "name": ISSUER},
    }


def _host(fleet: Fleet, cluster: str) -> str:
    return f"{RELEASE}.{fleet.system_namespace(cluster)}.svc"


def _roots_volume() -> Object:
    return {"name": "meshfleet-roots", "secret": {"secretName": AUTHORITY, "items": [{"key": ROOTS, "path": ROOTS}]}}


def _roots_mount() -> Object:
    return {"name": "meshfleet-roots", "mountPath": _ROOTS_FOLDER, "readOnly": True}


SECTION = Section(
    name="istio-csr",
    stage=Stage.TRUST,
    component="Trust",
    documents=documents,
    declared_in="meshes.<name>.trust.signer",
    what="where istio-csr signs the certificates of workloads: its release, an Issuer of the intermediate, and the "
    "certificate of istiod",
    waits_for="the intermediate; cert-manager; the namespace",
)
