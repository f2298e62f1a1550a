"""The clusters of the status: where each is, its control plane, its gateways and its workloads."""

from __future__ import annotations

from typing import Any, Literal

from meshfleet.status.deployed import DeployedCluster, DeployedControlPlane, DeployedGateway, DeployedRevision
from meshfleet.status.model import Items, Moment, Name, Port, StatusModel, Whole


class Revision(DeployedRevision):
    """A revision of Istio that is installed in a cluster."""

    version: str
    """The release of Istio, such as 1.31 or 1.31.2; empty in a status of before releases were recorded."""
    debug_url: str | None
    """The URL of its istiod's debug API on this machine; null where istiod is a pod or serves from elsewhere."""


class ControlPlane(DeployedControlPlane):
    """A cluster's control plane: where it is, and its revisions."""

    kind: Literal["own", "remote", "external"]
    """Whether the cluster runs its own istiod, or which kind of control plane serves it."""
    of: Name
    """The cluster itself when own; its primary when remote; the cluster that runs its istiod when external."""
    namespace: Name
    """The namespace of the control plane."""
    revision: Name
    """The revision that workloads are on."""
    gateway_revision: str
    """The revision that gateways are on; empty in a status of before there were several."""
    debug_url: str | None
    """The URL of the debug API of `revision`; null where there is none."""
    tags: Items[str]
    """Names that stand for `revision`."""
    revisions: Items[Revision]
    """Every revision that is installed; empty in a status of before there were several."""


class AdvertisedAddress(StatusModel):
    """Where some clusters reach a gateway in place of the address of its Service."""

    address: str
    """An IP address or a DNS name."""
    port: Port
    """The port at which it takes mutual TLS."""
    istiod_port: Port
    """The port that leads to istiod's discovery and certificates."""
    webhook_port: Port
    """The port that leads to istiod's webhooks."""
    to: Items[Name]
    """The clusters that use it; empty for all that no other entry names."""


class Gateway(DeployedGateway):
    """A cluster's east-west gateway, as other networks reach it."""

    network: str
    """The network that it leads into; empty where it leads to control planes alone."""
    address: str | None
    """Its IP address or host name; null while it has none."""
    port: Port
    """The port at which it takes mutual TLS."""
    named: bool
    """Whether its address is a name that the fleet itself published."""
    advertised: Items[AdvertisedAddress] = ()
    """The addresses that others use; empty where that is the address of its Service."""


class Listener(StatusModel):
    """A port of an ingress gateway."""

    port: Port
    """Its number."""
    protocol: Name
    """HTTP, HTTPS or TLS."""
    hosts: Items[str]
    """The hosts that are let in."""


class IngressGateway(StatusModel):
    """A gateway for callers from outside of the mesh."""

    name: Name
    """The name of the gateway."""
    api: Name
    """The API that describes it: `istio` or `gateway`."""
    namespace: Name
    """The namespace it is in."""
    address: str | None
    """Its IP address or host name; null while it has none."""
    listeners: Items[Listener]
    """What it takes."""


class WorkloadPorts(StatusModel):
    """The ports of a workload's Service."""

    http: Port
    """HTTP."""
    grpc: Port
    """gRPC."""


class WorkloadVersion(StatusModel):
    """A version of a workload whose pods run in the cluster."""

    name: Name
    """The name of the version."""
    replicas: Whole
    """How many pods it has in the cluster."""
    weight: Whole | None
    """How many of a hundred requests it gets; null where requests go to all pods alike."""
    headers: dict[str, str]
    """The headers of requests that go to it whatever the weights."""


class Workload(StatusModel):
    """A workload that a cluster knows."""

    name: Name
    """The name of the workload."""
    namespace: Name
    """The namespace it is in."""
    host: Name
    """The name it is called by."""
    ports: WorkloadPorts
    """The ports of its Service."""
    echo: bool
    """Whether it is Istio's echo server."""
    allowed_callers: Items[str]
    """The callers that are allowed, `namespace/ServiceAccount`; empty for all."""
    export_to: Items[str] = ()
    """The namespaces whose proxies know it, `.` for its own and `*` for all; empty for all."""
    versions: Items[WorkloadVersion]
    """The versions whose pods run in the cluster."""


class FederatedService(StatusModel):
    """A Service that is called by one name in several clusters."""

    name: Name
    """The name of the Service."""
    namespace: Name
    """The namespace it is in."""
    host: Name
    """The name it is called by, of clusterset.local."""
    address: str | None
    """Its address in every cluster; null where it has those of its pods."""
    providers: Items[Name]
    """The clusters whose pods answer."""


class Injected(StatusModel):
    """What proxies of a cluster are injected with: field to value, where it is not empty."""

    workloads: dict[str, Any]
    """Of sidecars."""
    gateways: dict[str, Any]
    """Of ingress gateways."""
    east_west: dict[str, Any]
    """Of the east-west gateway."""


class Cluster(DeployedCluster):
    """A cluster: what is declared of it, and where it is found."""

    role: Literal["host", "member"]
    """Whether it is the host of the fleet or a member."""
    provider: Name
    """The provider of the cluster, such as `embedded`."""
    mesh: Name
    """The mesh it belongs to."""
    network: Name
    """The network its pods are on."""
    read_by: Items[Name] | None = None
    """The other clusters whose control planes discover it; null where all of its mesh do."""
    region: str
    """The region of its nodes; empty where none is declared."""
    zone: str
    """The zone of its nodes; empty where none is declared."""
    pod_cidr: str | None
    """The range of its pods' addresses; null where none is declared."""
    service_cidr: str | None
    """The range of its Services' addresses; null where none is declared."""
    context: str | None
    """The context in its kubeconfig; empty or null for the current one."""
    server: str | None
    """The URL of its API server."""
    identity: str | None
    """What distinguishes it from every other cluster, whatever its name."""
    data_plane: Literal["sidecar", "ambient"]
    """How traffic is carried."""
    pods: Name
    """`real`, `processes`, or `simulated`, with the reason where they could not be processes."""
    control_plane: ControlPlane
    """Its control plane."""
    gateway: Gateway | None
    """Its east-west gateway; null where it has none."""
    ingress_gateways: Items[IngressGateway]
    """Its ingress gateways."""
    workloads: Items[Workload]
    """The workloads that it knows."""
    federated_services: Items[FederatedService] = ()
    """The federated Services that it imports."""
    injected: Injected | None
    """What its proxies are injected with; null in ambient mode."""
    intermediate_not_after: Moment | None
    """When its intermediate certificate expires; null where another cluster's control plane serves it."""
    injected_namespaces: Items[str]
    """The namespaces whose pods are in the mesh."""
    kubeconfig: str | None = None
    """The path of its kubeconfig, readable by its owner only; null where none is recorded."""
