"""Istio's charts base and istiod for a cluster, by where its control plane is: its own, a remote one, an external one.

Sources: https://istio.io/latest/docs/setup/install/multicluster/ and
https://istio.io/latest/docs/setup/install/external-controlplane/, and for the values the charts manifests/charts/base
and manifests/charts/istio-control/istio-discovery of istio/istio.
"""

from __future__ import annotations

from dataclasses import dataclass

from meshfleet.image_names import ISTIO_HUB, ISTIO_TAG, NEVER_PULLED
from meshfleet.manifests import ambient, istio_csr, service_discovery
from meshfleet.manifests.mesh_networks import mesh_networks
from meshfleet.manifests.mesh_settings import mesh_config
from meshfleet.manifests.names import istiod_service
from meshfleet.manifests.objects import Chart, Object, Release
from meshfleet.manifests.section import Known
from meshfleet.manifests.trust import ROOTS_ANNOTATION
from meshfleet.topology import Fleet
from meshfleet.topology.system_names import ISTIO_SYSTEM
from meshfleet.versions import further_istio

VALIDATION_PATH = "/validate"

# Upstream's Envoy has none of Istio's own filters: no exchange of metadata between proxies, no ALPN filter.
# https://istio.io/latest/docs/reference/commands/pilot-discovery/#envvars
UPSTREAM_PROXIES = {
    "PILOT_ENABLE_METADATA_EXCHANGE": "false",
    "PILOT_ENABLE_ALPN_FILTER": "false",
    "PILOT_DISABLE_MX_ALPN": "true",
}
# In place of the chart's 500m and 2 GiB, which are for a node of its own.
_REQUESTS = {"cpu": "50m", "memory": "256Mi"}


@dataclass(frozen=True)
class Webhooks:
    """Where the API server finds istiod's webhooks when istiod is a process and no Service leads to it. Whole URLs."""

    injection: object
    validation: object


def webhooks(fleet: Fleet, cluster: str, revision: str, known: Known) -> Webhooks | None:
    """The webhooks of a revision of the istiod that serves a cluster, where that istiod is a process."""
    if fleet.clusters[cluster].capabilities.istiod_runtime == "pod":
        return None
    primary = fleet.primary_of(cluster)
    return Webhooks(
        injection=known.webhook_url(primary, revision, injection_path(fleet, cluster)),
        validation=known.webhook_url(primary, revision, VALIDATION_PATH),
    )


def injection_path(fleet: Fleet, cluster: str) -> str:
    """The path of the injection webhook: it carries the cluster ID and the network into every injected proxy."""
    return f"/inject/cluster/{cluster}/net/{fleet.clusters[cluster].network}"


def istiod_settings() -> dict[str, str]:
    """Environment variables of every istiod, in a pod or not.

    Without ISTIO_MULTIROOT_MESH an istiod refuses another bundle of roots while it runs. It is there before a second
    root is and stays after the first one went: it is read at the start only, and an istiod without it would not tell
    the proxies that a root was dropped. Source: pilot/pkg/bootstrap/istio_ca.go and pilot/pkg/xds/pcds.go
    """
    return {"ISTIO_MULTIROOT_MESH": "true"}


def proxy_settings(fleet: Fleet, mesh: str) -> dict[str, str]:
    """Environment variables of every proxy of a mesh, which get into it when it is injected.

    With PROXY_CONFIG_XDS_AGENT its agent hears of another bundle of roots at once, trusts it, and has its own
    certificate renewed. Without it that takes until the certificate is due, twelve hours as a rule.
    Source: pkg/istio-agent/xds_proxy.go and security/pkg/nodeagent/cache/secretcache.go

    With ISTIO_META_DNS_CAPTURE it answers the DNS queries of its workload.
    Source: https://istio.io/latest/docs/ops/configuration/traffic-management/dns-proxy/
    """
    capture = {"ISTIO_META_DNS_CAPTURE": "true"} if fleet.meshes[mesh].settings.dns_capture else {}
    return {"PROXY_CONFIG_XDS_AGENT": "true"} | capture


def injection_webhook(revision: str, namespace: str) -> str:
    """The name of a revision's MutatingWebhookConfiguration, with Istio in `namespace`.

    Source: templates/mutatingwebhook.yaml of the chart
    """
    parts = ["istio-sidecar-injector"]
    if revision != "default":
        parts.append(revision)
    if namespace != ISTIO_SYSTEM:
        parts.append(namespace)
    return "-".join(parts)


def settings(fleet: Fleet, primary: str) -> dict[str, str]:
    """Environment variables of the istiod that carries the name of `primary`, whether a pod or a process.

    `EXTERNAL_ISTIOD` lets it lead in the clusters that name it in `topology.istio.io/controlPlaneClusters`: there it
    writes the root certificate into each namespace and its own into the webhooks (checkShouldLead in
    pilot/pkg/serviceregistry/kube/controller/multicluster.go).
    """
    more = service_discovery.settings(fleet, fleet.mesh_of(primary))
    more |= ambient.settings(fleet, primary) | (UPSTREAM_PROXIES if _upstream_proxies(fleet, primary) else {})
    serves_others = bool(fleet.remotes_of(primary)) or fleet.clusters[primary].control_plane.kind == "external"
    return istiod_settings() | ({"EXTERNAL_ISTIOD": "true"} if serves_others else {}) | more


def base(fleet: Fleet, cluster: str, webhooks: Webhooks | None) -> Release:
    """Istio's CRDs, the reader ServiceAccount and, where Istio's configuration lives, the default validator.

    `webhooks` are those of `istio.revision`, which validates by default.
    """
    values: Object = {}
    # The validator of a remote cluster is not patched: every write would call it in vain.
    values["defaultRevision"] = fleet.istio.revision if fleet.is_primary(cluster) else ""
    if webhooks and fleet.is_primary(cluster):
        values["base"] = {"validationURL": webhooks.validation}
    namespace = fleet.system_namespace(cluster)
    if namespace != ISTIO_SYSTEM:
        values["global"] = {"istioNamespace": namespace}
    return Release("istio-base", namespace, Chart.BASE, values, wait=False)


def istiod(
    fleet: Fleet,
    cluster: str,
    revision: str,
    webhooks: Webhooks | None,
    *,
    roots: object = None,
    root_certificates: object = None,
    address: object = None,
) -> Release:
    """What a cluster gets of a revision's istiod chart: istiod itself, or what leads to the one that serves it.

    With `webhooks` istiod itself is a process and the chart's pods are simulated. `roots` tells the roots that an
    istiod in this cluster trusts from any others, the one that signs first, and `root_certificates` are themselves
    where istio-csr signs for it; `address` is that of the gateway in front of an istiod in another cluster.
    """
    values = _common(fleet, cluster, revision)
    kind = fleet.clusters[cluster].control_plane.kind
    if kind == "own":
        values["env"] = settings(fleet, cluster)
        _merge(values, ambient.istiod_values(fleet, cluster))
        if fleet.has_istio_csr(cluster):
            _merge(values, istio_csr.istiod_values(fleet, cluster, root_certificates))
    else:
        _merge(values, _served_from_elsewhere(fleet, cluster, address))
        if kind == "external":
            _merge(values, _config_cluster(fleet, cluster, revision))
    if webhooks:
        # Nothing measures simulated pods, so nothing can scale by their load.
        values["autoscaleEnabled"] = False
        values["istiodRemote"] = values.get("istiodRemote", {}) | {"injectionURL": webhooks.injection}
        if kind != "remote":
            values["base"] = {"validationURL": webhooks.validation}
    elif kind != "own":
        values["istiodRemote"] = {"injectionPath": injection_path(fleet, cluster)}
    else:
        values["podAnnotations"] = {ROOTS_ANNOTATION: roots}
    waits = webhooks is None and kind == "own"
    namespace = fleet.system_namespace(cluster)
    return Release(istiod_service(revision), namespace, Chart.ISTIOD, values, wait=waits, revision=revision)


def external_istiod(fleet: Fleet, cluster: str, revision: str, roots: object) -> Release:
    """One revision of the istiod of `cluster`, for the cluster that hosts it: it reads all from its config cluster.

    Source: https://istio.io/latest/docs/setup/install/external-controlplane/#set-up-the-control-plane-in-the-external-cluster
    """
    namespace = fleet.system_namespace(cluster)
    pod = fleet.clusters[fleet.hosting(cluster)].capabilities.istiod_runtime == "pod"
    values = _common(fleet, cluster, revision) | {"configMap": False, "env": settings(fleet, cluster)}
    _merge(
        values,
        {
            "global": {
                "istioNamespace": namespace,
                # Its webhooks, its mesh configuration and its injector's templates are in the config cluster.
                "operatorManageWebhooks": True,
                "configValidation": False,
                "omitSidecarInjectorConfigMap": True,
            },
            "autoscaleEnabled": pod,
        },
    )
    if pod:
        values["podAnnotations"] = {ROOTS_ANNOTATION: roots}
    return Release(istiod_service(revision), namespace, Chart.ISTIOD, values, wait=pod, revision=revision)


def _common(fleet: Fleet, cluster: str, revision: str) -> Object:
    mesh = fleet.mesh_of(cluster)
    values: Object = {
        "global": {
            "meshID": mesh,
            "multiCluster": {"clusterName": cluster},
            "network": fleet.clusters[cluster].network,
            # What a reader may do is in manifests/reader.py: the chart lets it read every ConfigMap, and write some.
            "enableReaderRBAC": False,
        },
        "meshConfig": mesh_config(fleet, mesh) | {"defaultConfig": {"proxyMetadata": proxy_settings(fleet, mesh)}},
    }
    # Where an istiod looks for it: it never reads a ConfigMap of its remote clusters.
    if fleet.is_primary(cluster) and (networks := mesh_networks(fleet, cluster)):
        values["global"]["meshNetworks"] = networks
    processes = any(fleet.clusters[member].capabilities.pods == "processes" for member in fleet.members_of(mesh))
    if processes or _upstream_proxies(fleet, cluster):
        # Proxies that are processes, or of built images, are upstream's Envoy, which lacks Istio's filter of metrics.
        values["telemetry"] = {"enabled": False}
    if fleet.clusters[cluster].capabilities.images == "built":
        values["global"] |= {"hub": ISTIO_HUB, "tag": ISTIO_TAG, "imagePullPolicy": NEVER_PULLED}
        # The nodes share one machine, and nothing in them measures pods.
        values |= {"autoscaleEnabled": False, "resources": {"requests": dict(_REQUESTS)}}
    if revision != "default":
        values["revision"] = revision
    process = fleet.clusters[cluster].capabilities.istiod_runtime == "process"
    if process and (release := further_istio(fleet.istio.version_of(revision))):
        # In the images of proxies, by which a node knows what to run; charts from a module name no release.
        values["global"]["tag"] = release
    return values


def _upstream_proxies(fleet: Fleet, cluster: str) -> bool:
    """Whether the images of proxies in the mesh of a cluster are built, of upstream's Envoy."""
    members = fleet.members_of(fleet.mesh_of(cluster))
    return any(fleet.clusters[member].capabilities.images == "built" for member in members)


def _served_from_elsewhere(fleet: Fleet, cluster: str, address: object) -> Object:
    # Where the fleet itself leads to istiod it has no address.
    remote: Object = {"profile": "remote", "global": {} if address is None else {"remotePilotAddress": address}}
    namespace = fleet.system_namespace(cluster)
    if namespace != ISTIO_SYSTEM:
        remote["global"]["istioNamespace"] = namespace
    return remote


def _config_cluster(fleet: Fleet, cluster: str, revision: str) -> Object:
    service, namespace = istiod_service(revision), fleet.system_namespace(cluster)
    return {
        "configMap": True,
        "global": {"configCluster": True, "omitSidecarInjectorConfigMap": False},
        # The chart leaves the revision out of it.
        "meshConfig": {"defaultConfig": {"discoveryAddress": f"{service}.{namespace}.svc:15012"}},
    }


def _merge(values: Object, more: Object) -> None:
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(values.get(key), dict):
            _merge(values[key], value)
        else:
            values[key] = value
