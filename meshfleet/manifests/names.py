"""Names of documents that several sections wait for, each stated once.

They are part of the state's keys (`<cluster>/<name>`), so none is renamed without an alias.
"""

from __future__ import annotations

from meshfleet.topology import Fleet
from meshfleet.topology.names import remote_gateway

SYSTEM_NAMESPACE = "istio-system"
BASE = "istio-base"
CACERTS = "cacerts"
ISTIO_CSR, ISTIO_CSR_ISSUER, ISTIOD_CERTIFICATE = "istio-csr", "istio-csr-issuer", "istio-csr-istiod"
EAST_WEST_GATEWAY = "east-west-gateway"
ISTIOD_TOKEN, READER_TOKEN = "istiod-token", "reader-token"
READER_RIGHTS = "reader-cluster-role-binding", "reader-system-role-binding"
"""Without these no peer may read the cluster."""
REMOTE_SECRETS = "remote-secrets"
ISTIOD_GATEWAY, ISTIOD_ROUTES = "istiod-gateway", "istiod-routes"
TO_ISTIODS = (ISTIOD_GATEWAY, ISTIOD_ROUTES)
"""Without these no other cluster reaches an istiod behind the gateway of this one."""


def istiod_service(revision: str) -> str:
    """The name of a revision's Service, of its ServiceAccount, of its release and of that one's document."""
    return "istiod" if revision == "default" else f"istiod-{revision}"


def mesh_config_map(revision: str) -> str:
    """The ConfigMap with the mesh configuration of a revision."""
    return "istio" if revision == "default" else f"istio-{revision}"


def hosted(cluster: str, what: str) -> str:
    """A document for the control plane of `cluster`, in the cluster that runs its istiod."""
    return f"external-{cluster}-{what}"


def beside_istiod(fleet: Fleet, primary: str, what: str) -> str:
    """A document beside the istiod of `primary`, in the cluster that runs it."""
    return what if fleet.hosting(primary) == primary else hosted(primary, what)


def ingress_gateway(name: str) -> str:
    """The document of an ingress gateway's release, or of its Gateway of the Gateway API, in its cluster."""
    return f"ingress-gateway-{name}"


def ingress_service(name: str, api: str) -> str:
    """The Service of an ingress gateway; istiod adds the class to the name of a Gateway of the Gateway API."""
    return f"{name}-istio" if api == "gateway" else name


def istio_gateway(fleet: Fleet, cluster: str, name: str) -> str:
    """The Istio Gateway of an ingress gateway, in the config cluster of its istiod; a rule keeps these names apart."""
    return name if fleet.is_primary(cluster) else remote_gateway(cluster, name)


def ingress_listeners(fleet: Fleet, cluster: str, name: str) -> str:
    """The document of that Istio Gateway."""
    return f"ingress-listeners-{istio_gateway(fleet, cluster, name)}"


def charts(fleet: Fleet) -> tuple[str, ...]:
    """The releases that hold the reader's account, and with them what it may read."""
    return (BASE, *map(istiod_service, fleet.istio.installed))


def tag(name: str) -> str:
    """The webhook of a revision tag."""
    return f"tag-{name}"


def namespace(name: str) -> str:
    """A namespace that the stack file declares."""
    return f"namespace-{name}"
