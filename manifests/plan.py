"""Everything each cluster gets, in the order it is applied, with placeholders for what only a run can know."""

from __future__ import annotations

from manifests import control_plane, gateways, mesh_settings, namespaces, remote_secrets, trust
from manifests.objects import Document, Stage
from topology import Fleet


def fleet_plan(fleet: Fleet) -> dict[str, list[Document]]:
    """The plan of every cluster, by cluster name in the order of the stack file."""
    return {cluster: cluster_plan(fleet, cluster) for cluster in fleet.clusters}


def cluster_plan(fleet: Fleet, cluster: str) -> list[Document]:
    """What one cluster gets. Names are unique within the cluster and equal those of the Pulumi resources."""
    webhooks = _webhooks(fleet, cluster)
    plan = [
        Document("istio-system", Stage.NAMESPACE, namespaces.istio_system(fleet, cluster)),
        Document("cacerts", Stage.TRUST, trust.cacerts(trust.cacerts_data(_authority(fleet, cluster)))),
        Document("istio-base", Stage.CONTROL_PLANE, control_plane.base(fleet, webhooks)),
        Document("istiod", Stage.CONTROL_PLANE, control_plane.istiod(fleet, cluster, webhooks)),
    ]
    plan += [Document(name, Stage.CONTROL_PLANE, body) for name, body in mesh_settings.objects(fleet, cluster).items()]
    if fleet.has_east_west_gateway(cluster):
        plan += [
            Document("east-west-gateway", Stage.GATEWAY, gateways.east_west_gateway(fleet, cluster)),
            Document("cross-network-gateway", Stage.GATEWAY, gateways.cross_network_gateway()),
        ]
    if peers := fleet.peers_of(cluster):
        kubeconfigs = {peer: _placeholder(f"kubeconfig of the reader of {peer}") for peer in peers}
        data = remote_secrets.remote_secret_data(kubeconfigs)
        generation = fleet.clusters[cluster].discovery.token
        plan += [
            Document("reader-token", Stage.DISCOVERY, remote_secrets.reader_token(generation)),
            Document("remote-secrets", Stage.DISCOVERY, remote_secrets.remote_secrets(data)),
        ]
    plan += [
        Document(f"namespace-{name}", Stage.WORKLOADS, body)
        for name, body in namespaces.declared(fleet, cluster).items()
    ]
    return plan


def _webhooks(fleet: Fleet, cluster: str) -> control_plane.Webhooks | None:
    if not fleet.clusters[cluster].simulated:
        return None
    address = f"https://localhost:{_placeholder('port of the istiod process')}"
    return control_plane.Webhooks(
        injection=address + control_plane.injection_path(fleet, cluster),
        validation=address + control_plane.VALIDATION_PATH,
    )


def _authority(fleet: Fleet, cluster: str) -> trust.CertificateAuthority:
    return trust.CertificateAuthority(
        certificate=_placeholder(f"intermediate certificate of {cluster}"),
        key=_placeholder(f"intermediate key of {cluster}"),
        chain=_placeholder(f"certificate chain of {cluster}"),
        root=_placeholder(f"root certificate of the mesh {fleet.mesh_of(cluster)}"),
    )


def _placeholder(what: str) -> str:
    return f"<{what}>"
