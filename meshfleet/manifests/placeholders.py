"""Placeholders for what only a run knows, as `render` writes them: `<root fingerprint of the mesh mesh1>`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from meshfleet.manifests import cert_manager, external, istio_csr, trust
from meshfleet.manifests.karmada_credentials import CERTIFICATES, credentials_data
from meshfleet.manifests.names import istiod_service
from meshfleet.manifests.objects import encoded
from meshfleet.topology import Fleet


@dataclass(frozen=True)
class Placeholders:
    """`Known` for `render`, for the rules about additions and for the documentation."""

    fleet: Fleet

    def webhook_url(self, primary: str, revision: str, path: str) -> object:
        """On this machine, at a port that is reserved when the fleet is brought up."""
        return f"https://localhost:{_placeholder(f'port of the {istiod_service(revision)} process of {primary}')}{path}"

    def gateway_address(self, cluster: str) -> object:
        """One placeholder."""
        return _placeholder(f"address of the east-west gateway of {cluster}")

    def gateway_port(self, cluster: str, port: int) -> object:
        """One placeholder."""
        return _placeholder(f"node port for {port} of the east-west gateway of {cluster}")

    def gateway_address_type(self, cluster: str) -> object:
        """That of nearly every address."""
        return "IPv4"

    def node_address(self, cluster: str, position: int) -> object:
        """One placeholder."""
        which = f"address {position + 1} of the node" if position else "address of the node"
        return _placeholder(f"{which} of {cluster}")

    def of_ingress_gateways(self, gateways: Mapping[str, str], make: Callable[[Mapping[str, str]], object]) -> object:
        """One placeholder for each address."""
        return make(
            {
                cluster: _placeholder(f"address of the ingress gateway {name} of {cluster}")
                for cluster, name in gateways.items()
            }
        )

    def joined(self, *parts: object) -> object:
        """All of it, with its placeholders."""
        return "".join(map(str, parts))

    def roots(self, cluster: str) -> object:
        """A placeholder for each root."""
        return self._roots(cluster, "fingerprint")

    def root_authority(self, mesh: str) -> object:
        """A placeholder for the certificate and one for the key."""
        root = self.fleet.meshes[mesh].trust.bundle[0]
        return cert_manager.root_data(
            _placeholder(f"root certificate {root} of the mesh {mesh}"),
            _placeholder(f"root key {root} of the mesh {mesh}"),
        )

    def certificate_authority(self, cluster: str) -> object:
        """A placeholder for each file."""
        return trust.cacerts_data(self._authority(cluster))

    def istio_csr_authority(self, cluster: str) -> object:
        """A placeholder for each file."""
        return istio_csr.authority_data(self._authority(cluster))

    def root_certificates(self, cluster: str) -> object:
        """A placeholder for each root."""
        return self._roots(cluster, "certificate")

    def istiod_kubeconfig(self, cluster: str) -> object:
        """One placeholder."""
        return external.kubeconfig_data(_placeholder(f"kubeconfig of the istiod of {cluster}"))

    def remote_kubeconfigs(self, peers: Sequence[str]) -> object:
        """A placeholder for each peer."""
        return {peer: _reader(peer) for peer in sorted(peers)}

    def karmada_credentials(self, cluster: str, account: str) -> object:
        """A placeholder for the token, and for the CA certificate beside it."""
        return credentials_data(
            account, _placeholder(f"token of {account} in {cluster}"), _placeholder(f"CA certificate of {cluster}")
        )

    def karmada_certificates(self) -> Mapping[str, object]:
        """A placeholder for each."""
        return {value: _placeholder(what) for value, what in CERTIFICATES.items()}

    def karmada_fingerprint(self) -> object:
        """One placeholder."""
        return _placeholder("fingerprint of the CA of Karmada")

    def api_endpoint(self, cluster: str) -> object:
        """One placeholder."""
        return _placeholder(f"URL of the API server of {cluster}")

    def cluster_id(self, cluster: str) -> object:
        """One placeholder."""
        return _placeholder(f"UID of the namespace kube-system of {cluster}")

    def _authority(self, cluster: str) -> trust.CertificateAuthority:
        return trust.CertificateAuthority(
            certificate=_placeholder(f"intermediate certificate of {cluster}"),
            key=_placeholder(f"intermediate key of {cluster}"),
            chain=_placeholder(f"certificate chain of {cluster}"),
            root=self._roots(cluster, "certificate"),
        )

    def _roots(self, cluster: str, what: str) -> str:
        mesh = self.fleet.mesh_of(cluster)
        bundle = self.fleet.meshes[mesh].trust.bundle
        if len(bundle) < 2:
            return _placeholder(f"root {what} of the mesh {mesh}")
        return "".join(_placeholder(f"root {what} {root} of the mesh {mesh}") for root in bundle)


@cache
def _reader(cluster: str) -> str:
    """Its reader's kubeconfig as remote secrets hold it: one text for all peers, which may be a thousand."""
    return encoded(_placeholder(f"kubeconfig of the reader of {cluster}"))


def _placeholder(what: str) -> str:
    return f"<{what}>"
