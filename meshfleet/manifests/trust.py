"""The Secret `cacerts`: the intermediate certificate authority that a cluster's istiod signs with.

Source: https://istio.io/latest/docs/tasks/security/cert-management/plugin-ca-cert/
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from meshfleet.manifests import names
from meshfleet.manifests.objects import Object, encoded, metadata
from meshfleet.manifests.section import Document, Known, Section, Stage
from meshfleet.topology import Fleet

CACERTS = "cacerts"
# For pods that are recreated with another bundle of roots, one by one, while Helm waits for them: istiod's, since
# it reads a changed `cacerts` by itself when its node gets to it, and some of it only at its start (whose certificates
# it accepts from proxies outside of a pod); and ztunnel's, which no istiod tells of roots.
ROOTS_ANNOTATION = "meshfleet/roots"


@dataclass(frozen=True)
class CertificateAuthority:
    """An intermediate as istiod wants it, every part PEM. `key` is secret.

    `chain` is the intermediate followed by the root that signed it. `root` is every root that is trusted, that one
    first.
    """

    certificate: str
    key: str
    chain: str
    root: str

    def files(self) -> dict[str, str]:
        """The four files by the names istiod reads; a partial set stops it."""
        return {
            "ca-cert.pem": self.certificate,
            "ca-key.pem": self.key,
            "cert-chain.pem": self.chain,
            "root-cert.pem": self.root,
        }


def root_bundle(certificates: Sequence[str]) -> str:
    """The file `root-cert.pem`: the certificates of all roots, the one that signs first."""
    return "".join(f"{certificate.strip()}\n" for certificate in certificates)


def cacerts_data(authority: CertificateAuthority) -> dict[str, str]:
    """The Secret's `data`; secret as a whole."""
    return {name: encoded(text) for name, text in authority.files().items()}


def cacerts(fleet: Fleet, cluster: str, data: object) -> Object:
    """The Secret itself around `data`, beside the istiod of `cluster`. It must be there before istiod first starts."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata(CACERTS, fleet.system_namespace(cluster)),
        "type": "Opaque",
        "data": data,
    }


def documents(fleet: Fleet, cluster: str, known: Known) -> list[Document]:
    """The Secret beside the istiod of a cluster; none where another one's istiod or istio-csr serves."""
    if not fleet.is_primary(cluster) or fleet.has_istio_csr(cluster):
        return []
    host = fleet.hosting(cluster)
    namespace = names.SYSTEM_NAMESPACE if host == cluster else names.hosted(cluster, "namespace")
    return [
        Document(
            names.beside_istiod(fleet, cluster, names.CACERTS),
            SECTION,
            cacerts(fleet, cluster, known.certificate_authority(cluster)),
            after=(namespace,),
            cluster=host,
            declared_in="clusters.<name>.controlPlane" if host != cluster else "",
        )
    ]


SECTION = Section(
    name="trust",
    stage=Stage.TRUST,
    component="Trust",
    documents=documents,
    declared_in="meshes.<name>.trust",
    what="the intermediate certificate authority; the Secret `cacerts`",
    waits_for="the mesh's root; the namespace",
    other_components=("MeshTrust",),
    others=Fleet.hosted_by,
)
