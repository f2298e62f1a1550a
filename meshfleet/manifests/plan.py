"""Everything each cluster gets, in the order it is applied, with placeholders for what only a run can know."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from meshfleet.manifests import (
    ambient,
    control_plane,
    external,
    gateway_api,
    gateways,
    ingress_gateways,
    mesh_settings,
    namespaces,
    remote_secrets,
    revision_tags,
    trust,
    virtual_machines,
    workloads,
)
from meshfleet.manifests.additions import added, has_additions
from meshfleet.manifests.objects import Document, Stage, encoded
from meshfleet.topology import Fleet


def fleet_plan(fleet: Fleet) -> dict[str, list[Document]]:
    """The plan of every cluster, by cluster name in the order of the stack file."""
    return {cluster: cluster_plan(fleet, cluster) for cluster in fleet.clusters}


def cluster_plan(fleet: Fleet, cluster: str) -> list[Document]:
    """What one cluster gets. Names are unique within the cluster and equal those of the Pulumi resources.

    Raises DocumentError for an addition of the user that does not fit.
    """
    if not has_additions(fleet, cluster):
        return own_plan(fleet, cluster)
    return [replace(one, body=added(fleet, cluster, one.name, one.body)) for one in own_plan(fleet, cluster)]


def own_plan(fleet: Fleet, cluster: str) -> list[Document]:
    """What one cluster gets before anything of the user is added to it."""
    plan = [
        *_namespace(fleet, cluster),
        *_trust(fleet, cluster),
        *_control_plane(fleet, cluster),
        *_gateway(fleet, cluster),
        *_discovery(fleet, cluster),
        *(
            Document(f"namespace-{name}", Stage.WORKLOADS, body)
            for name, body in namespaces.declared(fleet, cluster).items()
        ),
        *(
            Document(f"waypoint-{name}", Stage.WORKLOADS, body)
            for name, body in ambient.waypoints(fleet, cluster).items()
        ),
        # Behind the namespaces, since one of those may be theirs.
        *(
            Document(name, Stage.WORKLOADS, body)
            for gateway in fleet.clusters[cluster].ingress_gateways
            for name, body in ingress_gateways.documents(fleet, cluster, gateway).items()
        ),
        *(Document(name, Stage.WORKLOADS, body) for name, body in workloads.documents(fleet, cluster).items()),
        *(Document(name, Stage.WORKLOADS, body) for name, body in virtual_machines.objects(fleet, cluster).items()),
    ]
    order = list(Stage)
    return sorted(plan, key=lambda document: order.index(document.stage))


def _namespace(fleet: Fleet, cluster: str) -> list[Document]:
    hosted = [
        Document(f"external-{name}-namespace", Stage.NAMESPACE, namespaces.external_istiod(fleet, name))
        for name in fleet.hosted_by(cluster)
    ]
    return [Document("istio-system", Stage.NAMESPACE, namespaces.istio_system(fleet, cluster)), *hosted]


def _trust(fleet: Fleet, cluster: str) -> list[Document]:
    plan = []
    if fleet.clusters[cluster].control_plane.kind == "own":
        plan.append(Document("cacerts", Stage.TRUST, _cacerts(fleet, cluster)))
    hosted = fleet.hosted_by(cluster)
    return plan + [Document(f"external-{name}-cacerts", Stage.TRUST, _cacerts(fleet, name)) for name in hosted]


def _control_plane(fleet: Fleet, cluster: str) -> list[Document]:
    webhooks = _webhooks(fleet, cluster, fleet.istio.revision)
    hosting = fleet.hosting(cluster)
    address = _placeholder(f"address of the east-west gateway of {hosting}") if hosting != cluster else None
    plan = [
        Document("istio-base", Stage.CONTROL_PLANE, control_plane.base(fleet, cluster, webhooks)),
        *(
            Document(
                control_plane.istiod_service(revision),
                Stage.CONTROL_PLANE,
                control_plane.istiod(
                    fleet,
                    cluster,
                    revision,
                    _webhooks(fleet, cluster, revision),
                    roots=_roots(fleet, cluster, "fingerprint"),
                    address=address,
                ),
            )
            for revision in fleet.istio.installed
        ),
        *(
            Document(f"tag-{tag}", Stage.CONTROL_PLANE, body)
            for tag, body in revision_tags.tags(fleet, cluster, webhooks).items()
        ),
    ]
    plan[:0] = [Document(name, Stage.CONTROL_PLANE, body) for name, body in gateway_api.before(fleet, cluster).items()]
    agents = ambient.after(fleet, cluster, _roots(fleet, cluster, "fingerprint"))
    plan += [Document(name, Stage.CONTROL_PLANE, body) for name, body in agents.items()]
    plan += [Document(name, Stage.CONTROL_PLANE, body) for name, body in mesh_settings.objects(fleet, cluster).items()]
    if fleet.clusters[cluster].control_plane.kind == "external":
        plan.append(Document("istiod-token", Stage.CONTROL_PLANE, external.account_token(fleet, cluster)))
    for name in fleet.hosted_by(cluster):
        data = remote_secrets.encoded_data(
            {external.KUBECONFIG_KEY: _placeholder(f"kubeconfig of the istiod of {name}")}
        )
        plan += [
            Document(f"external-{name}-kubeconfig", Stage.CONTROL_PLANE, external.istio_kubeconfig(fleet, name, data)),
            *(
                Document(
                    f"external-{name}-{control_plane.istiod_service(revision)}",
                    Stage.CONTROL_PLANE,
                    control_plane.external_istiod(fleet, name, revision, _roots(fleet, name, "fingerprint")),
                )
                for revision in fleet.istio.installed
            ),
        ]
    return plan


def _gateway(fleet: Fleet, cluster: str) -> list[Document]:
    plan = []
    if fleet.clusters[cluster].data_plane == "ambient":
        if fleet.has_east_west_gateway(cluster):
            plan += [
                Document("east-west-gateway-options", Stage.GATEWAY, ambient.options_of_gateway(fleet, cluster)),
                Document("east-west-gateway", Stage.GATEWAY, ambient.east_west_gateway(fleet, cluster)),
            ]
        return plan
    if fleet.has_east_west_gateway(cluster):
        plan.append(Document("east-west-gateway", Stage.GATEWAY, gateways.east_west_gateway(fleet, cluster)))
    if gateways.opens_networks(fleet, cluster):
        body = gateways.cross_network_gateway(fleet.system_namespace(cluster))
        plan.append(Document("cross-network-gateway", Stage.GATEWAY, body))
    if fleet.exposes_control_plane(cluster):
        plan += [
            Document("istiod-gateway", Stage.GATEWAY, gateways.istiod_gateway(fleet, cluster)),
            Document("istiod-routes", Stage.GATEWAY, gateways.istiod_routes(fleet, cluster)),
        ]
    return plan


def _discovery(fleet: Fleet, cluster: str) -> list[Document]:
    plan = []
    if fleet.readers_of(cluster):
        plan.append(Document("reader-token", Stage.DISCOVERY, remote_secrets.reader_token(fleet, cluster)))
        plan += [Document(name, Stage.DISCOVERY, body) for name, body in gateway_api.reading(fleet, cluster).items()]
    if fleet.is_primary(cluster) and (peers := fleet.peers_of(cluster)):
        body = remote_secrets.remote_secrets(fleet, cluster, {peer: _reader(peer) for peer in sorted(peers)})
        plan.append(Document("remote-secrets", Stage.DISCOVERY, body))
    return plan


def _webhooks(fleet: Fleet, cluster: str, revision: str) -> control_plane.Webhooks | None:
    if fleet.clusters[cluster].capabilities.istiod_runtime == "pod":
        return None
    name = control_plane.istiod_service(revision)
    address = f"https://localhost:{_placeholder(f'port of the {name} process of {fleet.primary_of(cluster)}')}"
    return control_plane.Webhooks(
        injection=address + control_plane.injection_path(fleet, cluster),
        validation=address + control_plane.VALIDATION_PATH,
    )


def _cacerts(fleet: Fleet, cluster: str) -> dict[str, object]:
    authority = trust.CertificateAuthority(
        certificate=_placeholder(f"intermediate certificate of {cluster}"),
        key=_placeholder(f"intermediate key of {cluster}"),
        chain=_placeholder(f"certificate chain of {cluster}"),
        root=_roots(fleet, cluster, "certificate"),
    )
    return trust.cacerts(fleet, cluster, trust.cacerts_data(authority))


@cache
def _reader(cluster: str) -> str:
    """Its reader's kubeconfig as remote secrets hold it: one text for all peers, which may be a thousand."""
    return encoded(_placeholder(f"kubeconfig of the reader of {cluster}"))


def _roots(fleet: Fleet, cluster: str, what: str) -> str:
    """What the bundle of roots of a cluster is known by, or holds."""
    mesh = fleet.mesh_of(cluster)
    bundle = fleet.meshes[mesh].trust.bundle
    if len(bundle) == 1:
        return _placeholder(f"root {what} of the mesh {mesh}")
    return "".join(_placeholder(f"root {what} {root} of the mesh {mesh}") for root in bundle)


def _placeholder(what: str) -> str:
    return f"<{what}>"
