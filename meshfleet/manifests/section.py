"""What a section of the plan is: documents, the stage they belong to, and what each of them waits for.

A document is written once. `render` writes it, `components/` registers it, progress shows its stage and the page on how
it works lists its section, all from the same data; the registry of sections is in `meshfleet/manifests/registry.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from meshfleet.manifests.objects import Object, Release
from meshfleet.topology import Fleet


class Stage(StrEnum):
    """The stages of a cluster in the order they are applied, which is also the order of `render`."""

    NAMESPACE = "namespace"
    TRUST = "trust"
    CONTROL_PLANE = "control-plane"
    GATEWAY = "gateway"
    DISCOVERY = "discovery"
    WORKLOADS = "workloads"

    @property
    def heading(self) -> str:
        """The stage as people read it."""
        return self.replace("-", " ")


class Point(StrEnum):
    """What a document of a cluster can wait for beside other documents; a name that no document can have."""

    CERT_MANAGER = "(cert-manager)"
    """cert-manager is there and takes what it is to issue."""
    SYSTEM_PREPARED = "(system namespace prepared)"
    """The system namespace, and what has to be removed after the charts and before the namespace."""
    ISTIOD_READY = "(istiod ready)"
    """Every revision of the istiod that serves the cluster is ready, wherever it runs."""
    NODES = "(nodes)"
    """The nodes are there: istiod reads region and zone of a pod from its node once."""
    PEERS_READ = "(peers read)"
    """Each peer can be read with the kubeconfig that its remote secret is to hold."""
    KARMADA_PREPARED = "(hooks of Karmada's chart cleaned up)"
    """What is left of hooks of Karmada's chart is removed after its release."""
    KARMADA_JOINED = "(clusters joined to Karmada)"
    """Karmada finds every cluster ready, and knows the kinds of Kubernetes that it serves."""
    KARMADA_DEFINED = "(definitions known to Karmada)"
    """Karmada knows of each cluster the kinds that propagated definitions define there."""
    CONFIG_CLUSTER_READ = "(config cluster read)"
    """A config cluster can be read with the kubeconfig of its external istiod."""


KARMADA = "karmada"
"""The API server of Karmada, beside that of the host."""


def elsewhere(cluster: str, name: str) -> str:
    """The name of a document or point of another cluster, for `Document.after`."""
    return f"{cluster}/{name}"


class Known(Protocol):
    """What only a run knows: placeholders for `render`, outputs for the program.

    Every value is passed on as it is and never inspected. Mappings of a Secret's `data` are secret as a whole.
    """

    def webhook_url(self, primary: str, revision: str, path: str) -> object:
        """The URL of a path at the webhooks of an istiod process, a revision of the istiod of `primary`."""

    def gateway_address(self, cluster: str) -> object:
        """The IP address or host name of a cluster's east-west gateway."""

    def gateway_port(self, cluster: str, port: int) -> object:
        """The port at which one of a cluster's east-west gateway is reached: a node port, or the port itself."""

    def gateway_address_type(self, cluster: str) -> object:
        """The address type of that gateway's IP address, as an EndpointSlice has it."""

    def node_address(self, cluster: str, position: int) -> object:
        """An address of the control plane's node, for a gateway of the cluster: 0 is the node's own."""

    def of_ingress_gateways(self, gateways: Mapping[str, str], make: Callable[[Mapping[str, str]], object]) -> object:
        """What `make` makes of the addresses by cluster of a gateway in each; empty for one that has none yet."""

    def joined(self, *parts: object) -> object:
        """A text of texts and of values that only a run knows."""

    def roots(self, cluster: str) -> object:
        """The fingerprints of the roots that a cluster trusts, the signing one first."""

    def root_authority(self, mesh: str) -> object:
        """The `data` of a Secret of type `kubernetes.io/tls` with the root of a mesh that signs, and its key."""

    def certificate_authority(self, cluster: str) -> object:
        """The `data` of the Secret `cacerts` for the istiod of a cluster."""

    def istio_csr_authority(self, cluster: str) -> object:
        """The `data` of the Secret of the authority that istio-csr of a cluster has cert-manager sign with."""

    def root_certificates(self, cluster: str) -> object:
        """The certificates of the roots that a cluster trusts, PEM, the one that signs first."""

    def istiod_kubeconfig(self, cluster: str) -> object:
        """The `data` of the Secret with which an external istiod reads its config cluster `cluster`."""

    def remote_kubeconfigs(self, peers: Sequence[str]) -> object:
        """The `data` of the Secret with which a control plane reads its peers, by cluster ID."""

    def karmada_credentials(self, cluster: str, account: str) -> object:
        """The `data` of the Secret with which Karmada comes to a cluster as one of its accounts there."""

    def karmada_certificates(self) -> Mapping[str, object]:
        """The certificates and keys of a release of Karmada's chart, as its values `certs.custom`."""

    def karmada_fingerprint(self) -> object:
        """The fingerprint of the authority of Karmada, as far as a label can hold it."""

    def api_endpoint(self, cluster: str) -> object:
        """The URL of the API server of a cluster."""

    def cluster_id(self, cluster: str) -> object:
        """The UID of the namespace `kube-system` of a cluster, by which no two clusters are the same."""


@dataclass(frozen=True)
class Section:
    """A group of documents that a cluster gets for one part of the stack file, or for one part of Istio.

    `component` is the class name in the type token of the component that groups the resources: with their logical
    names a part of the state's keys, so it is renamed only with aliases. Components of `other_components` belong to the
    section without registering documents. `others` are the clusters whose documents of the section may be in the given
    one: those whose istiod runs there, or reads its configuration there. Where `always` holds, its component is
    registered without documents too.

    `declared_in` is the field of the stack file that decides the documents; `what` and `waits_for` are for the page on
    how it works.
    """

    name: str
    stage: Stage
    component: str
    documents: Callable[[Fleet, str, Known], Sequence[Document]]
    declared_in: str
    what: str
    waits_for: str
    other_components: tuple[str, ...] = ()
    others: Callable[[Fleet, str], Sequence[str]] = lambda fleet, cluster: ()
    always: Callable[[Fleet, str], bool] = lambda fleet, cluster: False


@dataclass(frozen=True)
class Document:
    """One thing a cluster gets. `name` is unique in its cluster and becomes part of the Pulumi resource's name.

    `after` are the documents and points of the same cluster that it waits for, and `elsewhere` those of others; values
    that only a run knows bring their own edges. `cluster` is where it is, if that is not the one its section is for.
    """

    name: str
    section: Section
    body: Object | Release
    after: tuple[str, ...] = ()
    cluster: str = ""
    server: str = ""
    """The API server that it is in, where that is not the cluster's own: `KARMADA`."""
    declared_in: str = ""
    """The field of the stack file that decides it, where that is not the section's."""
    keep: bool = False
    """Whether it stays in its cluster when it is no longer declared there."""
    complete: bool = False
    """Whether it is as it was recorded, with the additions of the user in it."""

    @property
    def decided_by(self) -> str:
        """The field of the stack file that decides it."""
        return self.declared_in or self.section.declared_in

    @property
    def stage(self) -> Stage:
        """The stage of its section."""
        return self.section.stage
