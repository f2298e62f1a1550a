"""What only a run knows, as outputs for the documents: `Known` for the program.

Components set the mappings as they register what the values come from; a document that needs one is registered later.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import pulumi

from meshfleet.components.gateway_address import Reached
from meshfleet.errors import DocumentError
from meshfleet.manifests import cert_manager, external, istio_csr, remote_secrets, trust
from meshfleet.plugins.meshfleet.sdk import IstiodAddress
from meshfleet.topology import Fleet
from meshfleet.topology.names import LABEL_LENGTH

Key = TypeVar("Key", str, tuple[str, str])
Value = TypeVar("Value")


class Outputs:
    """`root_fingerprints`, `root_certificates_of` and `root_authorities` are by mesh; the others by cluster.

    Kubeconfigs of istiods and readers are secret, and so is the key of a root. Accounts of Karmada are by cluster and
    name; their tokens are secret too. `karmada_chart` are the certificates of a release of its chart, keys secret, and
    the fingerprint of their authority.

    Every method raises DocumentError for what is not known before.
    """

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self.root_fingerprints: dict[str, pulumi.Output[str]] = {}
        self.root_certificates_of: dict[str, pulumi.Output[str]] = {}
        self.root_authorities: dict[str, tuple[pulumi.Output[str], pulumi.Output[str]]] = {}
        self.authorities: dict[str, pulumi.Output[trust.CertificateAuthority]] = {}
        self.istiod_addresses: dict[str, Mapping[str, IstiodAddress]] = {}
        self.gateways: dict[str, Reached] = {}
        self.ingress_gateways: dict[str, Mapping[str, Reached]] = {}
        self.node_addresses: dict[str, pulumi.Output[list[str]]] = {}
        self.istiod_kubeconfigs: dict[str, pulumi.Output[str]] = {}
        self.reader_kubeconfigs: dict[str, pulumi.Output[str]] = {}
        self.karmada_accounts: dict[tuple[str, str], pulumi.Output[dict[str, str]]] = {}
        self.karmada_chart: tuple[Mapping[str, pulumi.Output[str]], pulumi.Output[str]] | None = None
        self.api_endpoints: dict[str, pulumi.Input[str]] = {}
        self.cluster_ids: dict[str, pulumi.Output[str]] = {}

    def webhook_url(self, primary: str, revision: str, path: str) -> object:
        """Known once the ports of the process are reserved."""
        addresses = _found(self.istiod_addresses, primary, "the ports of the istiod processes")
        return pulumi.Output.concat(_found(addresses, revision, "the ports of the revision").webhook_url, path)

    def gateway_address(self, cluster: str) -> object:
        """Known once the gateway has its address."""
        return _found(self.gateways, cluster, "the address of the east-west gateway").address

    def gateway_port(self, cluster: str, port: int) -> object:
        """Known once the cluster has assigned node ports."""
        return _found(self.gateways, cluster, "the ports of the east-west gateway").port(port)

    def gateway_address_type(self, cluster: str) -> object:
        """Known once the gateway has its address."""
        address = _found(self.gateways, cluster, "the address of the east-west gateway").address
        return address.apply(lambda known: "IPv6" if ":" in known else "IPv4")

    def node_address(self, cluster: str, position: int) -> object:
        """Known once the nodes are there."""
        addresses = _found(self.node_addresses, cluster, "the addresses of the node")
        return addresses.apply(lambda found: found[position])

    def of_ingress_gateways(self, gateways: Mapping[str, str], make: Callable[[Mapping[str, str]], object]) -> object:
        """Known once each gateway has its address."""
        found = {
            cluster: _found(
                _found(self.ingress_gateways, cluster, "the addresses of the ingress gateways"), name, "the address"
            ).address
            for cluster, name in gateways.items()
        }
        return pulumi.Output.all(**found).apply(make)

    def joined(self, *parts: object) -> object:
        """Known once all of its parts are."""
        texts: list[pulumi.Input[str]] = [one if isinstance(one, pulumi.Output) else str(one) for one in parts]
        return pulumi.Output.concat(*texts)

    def roots(self, cluster: str) -> object:
        """Known once the roots are."""
        return _found(self.root_fingerprints, self._fleet.mesh_of(cluster), "the roots of the mesh")

    def root_authority(self, mesh: str) -> object:
        """Known once the root is; its certificate and its key."""
        parts = _found(self.root_authorities, mesh, "the root with its key")
        return _secret(pulumi.Output.all(*parts).apply(lambda known: cert_manager.root_data(*known)))

    def certificate_authority(self, cluster: str) -> object:
        """Known once the intermediate is issued."""
        authority = _found(self.authorities, cluster, "the intermediate certificate authority")
        return _secret(authority.apply(trust.cacerts_data))

    def istio_csr_authority(self, cluster: str) -> object:
        """Known once the intermediate is issued."""
        authority = _found(self.authorities, cluster, "the intermediate certificate authority")
        return _secret(authority.apply(istio_csr.authority_data))

    def root_certificates(self, cluster: str) -> object:
        """Known once the roots are."""
        return _found(self.root_certificates_of, self._fleet.mesh_of(cluster), "the roots of the mesh")

    def istiod_kubeconfig(self, cluster: str) -> object:
        """Known once the account of the istiod has its token."""
        kubeconfig = _found(self.istiod_kubeconfigs, cluster, "the kubeconfig of the istiod")
        return _secret(kubeconfig.apply(external.kubeconfig_data))

    def remote_kubeconfigs(self, peers: Sequence[str]) -> object:
        """Known once the reader of each peer has its token."""
        return _secret(self.kubeconfigs_of(peers).apply(remote_secrets.encoded_data))

    def karmada_credentials(self, cluster: str, account: str) -> object:
        """Known once the account has its token."""
        return _secret(_found(self.karmada_accounts, (cluster, account), "the token of Karmada's account"))

    def karmada_certificates(self) -> Mapping[str, object]:
        """Known once they are issued."""
        return self._karmada_chart()[0]

    def karmada_fingerprint(self) -> object:
        """Known once its authority is issued."""
        return self._karmada_chart()[1].apply(lambda text: text[:LABEL_LENGTH])

    def api_endpoint(self, cluster: str) -> object:
        """Known once the cluster is there."""
        return _found(self.api_endpoints, cluster, "the URL of the API server")

    def cluster_id(self, cluster: str) -> object:
        """Known once every cluster is there, since no two may be the same."""
        return _found(self.cluster_ids, cluster, "the ID")

    def _karmada_chart(self) -> tuple[Mapping[str, pulumi.Output[str]], pulumi.Output[str]]:
        if self.karmada_chart is None:
            raise DocumentError("the certificates of Karmada are needed before they are issued; correct the section")
        return self.karmada_chart

    def kubeconfigs_of(self, peers: Sequence[str]) -> pulumi.Output[dict[str, str]]:
        """The kubeconfig of the reader of each peer; secret."""
        found = {peer: _found(self.reader_kubeconfigs, peer, "the kubeconfig of the reader") for peer in peers}
        return pulumi.Output.all(**found)


def _found(values: Mapping[Key, Value], key: Key, what: str) -> Value:
    if key not in values:
        raise DocumentError(f"{what} of {key} is needed before it is registered, or there is none; correct the section")
    return values[key]


def _secret(data: pulumi.Output[dict[str, str]]) -> pulumi.Output[dict[str, str]]:
    secret: pulumi.Output[dict[str, str]] = pulumi.Output.secret(data)
    return secret
