"""The settings of a mesh as Istio takes them: a part of the mesh configuration, and objects of the root namespace.

The same bytes in every cluster of a mesh that has a control plane of its own; a remote one is served by another's.
Sources: https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/#MeshConfig and istio/api
mesh/v1alpha1/config.proto
"""

from __future__ import annotations

from meshfleet.manifests.objects import MANAGED_BY, Object, with_spec
from meshfleet.manifests.section import Document, Known, Point, Section, Stage
from meshfleet.topology import Fleet, MeshSettings
from meshfleet.topology.service_scope import DiscoverySelector

# Providers that istiod knows by itself: the standard output of every proxy (pkg/config/mesh/mesh.go).
ACCESS_LOG_PROVIDER = "envoy"
# One that no provider of istiod's own is called by.
TRACING_PROVIDER = "mesh-tracing"
# Set by every API server. https://kubernetes.io/docs/reference/labels-annotations-taints/#kubernetes-io-metadata-name
NAMESPACE_NAME = "kubernetes.io/metadata.name"
# As often as Istio does it by itself. By itself it tries where it failed once more: an Envoy that takes an endpoint out
# twice within a second heeds the second time only when that second is over (update_merge_window), and until then every
# request to a region that was tried again, and is still lost, would fail three times. Of three tries the last is in
# another region (update_frequency of buildPreviousPrioritiesConfig, pilot/pkg/networking/core/route/retry/retry.go).
RETRIES_ELSEWHERE = {"attempts": 2, "retryRemoteLocalities": True}

# A region that is cut off answers nothing at all: with Istio's ten seconds most callers would have given up before
# another region is tried. Between any two places on earth a connection takes less than half a second.
CONNECT_TIMEOUT = "1s"


def mesh_config(fleet: Fleet, mesh: str) -> Object:
    """The declared part of a mesh's configuration, for `meshConfig` of the istiod chart."""
    settings = fleet.meshes[mesh].settings
    config: Object = {"trustDomain": fleet.meshes[mesh].trust_domain}
    if settings.outbound_traffic_policy:
        config["outboundTrafficPolicy"] = {"mode": _in_capitals(settings.outbound_traffic_policy)}
    if settings.locality:
        locality: Object = {"enabled": True}
        if settings.locality.failover:
            locality["failover"] = [{"from": way.origin, "to": way.to} for way in settings.locality.failover]
        config["localityLbSetting"] = locality
        config["defaultHttpRetryPolicy"] = dict(RETRIES_ELSEWHERE)
        config["connectTimeout"] = CONNECT_TIMEOUT
    if settings.access_log and settings.access_log.enabled:
        # Where the lines go is said by the Telemetry object; the built-in provider takes their form from here.
        if settings.access_log.encoding == "json":
            config["accessLogEncoding"] = "JSON"
        if settings.access_log.format:
            config["accessLogFormat"] = settings.access_log.format
    if settings.tracing:
        kind = "opentelemetry" if settings.tracing.opentelemetry else "zipkin"
        collector = settings.tracing.opentelemetry or settings.tracing.zipkin
        assert collector is not None  # the model has exactly one
        provider = {"service": collector.service, "port": collector.port}
        config["extensionProviders"] = [{"name": TRACING_PROVIDER, kind: provider}]
    if settings.cluster_local:
        config["serviceSettings"] = [{"settings": {"clusterLocal": True}, "hosts": list(settings.cluster_local)}]
    if settings.discovery_selectors:
        config["discoverySelectors"] = [*map(_selector, settings.discovery_selectors), *_needed_selectors(fleet, mesh)]
    return config


def _selector(declared: DiscoverySelector) -> Object:
    return declared.model_dump(by_alias=True, mode="json", exclude_defaults=True)


def _needed_selectors(fleet: Fleet, mesh: str) -> list[Object]:
    """What selects the namespaces that a mesh cannot do without, whatever else is discovered.

    istiod discovers not even its own namespace by itself (pkg/kube/namespace/filter.go): gateways in it would have no
    endpoints. Every namespace of the fleet has the label of the fleet; that of a collector may be another's, and every
    API server labels it with its name.
    """
    needed: list[Object] = [{"matchLabels": dict(MANAGED_BY)}]
    collector = _collector_namespace(fleet.meshes[mesh].settings)
    if collector and collector not in fleet.namespaces:
        needed.append({"matchLabels": {NAMESPACE_NAME: collector}})
    return needed


def _collector_namespace(settings: MeshSettings) -> str:
    """The namespace of the collector of traces; empty without one, and where its name does not say it."""
    collector = settings.tracing and (settings.tracing.opentelemetry or settings.tracing.zipkin)
    if not collector:
        return ""
    namespace, slash, _ = collector.service.partition("/")
    if slash:
        return namespace
    _, namespace, *rest = collector.service.split(".")
    return namespace if rest[:1] == ["svc"] else ""


def documents(fleet: Fleet, cluster: str, known: Known) -> list[Document]:
    """The objects a cluster gets for the settings of its mesh, after istiod, whose webhook validates each of them."""
    if fleet.clusters[cluster].control_plane.kind == "remote":
        return []
    objects = mesh_objects(fleet, fleet.mesh_of(cluster), fleet.system_namespace(cluster)).items()
    return [Document(name, SECTION, body, after=(Point.ISTIOD_READY,)) for name, body in objects]


def mesh_objects(fleet: Fleet, mesh: str, namespace: str) -> dict[str, Object]:
    """The objects for the settings of a mesh, by the names of their documents; none for what is not declared.

    `namespace` is the root namespace: that of the control plane.
    """
    settings = fleet.meshes[mesh].settings
    made = {
        "peer-authentication": _peer_authentication(settings, namespace),
        "telemetry": _telemetry(settings, namespace),
        "outlier-detection": _outlier_detection(settings, namespace),
    }
    return {name: body for name, body in made.items() if body is not None}


def traffic_policy(settings: MeshSettings) -> Object:
    """What every DestinationRule of a mesh has to say of its Services; empty where nothing is declared.

    A rule for one Service takes the place of the mesh's for all, so that it has to say the same.
    """
    if settings.locality is None:
        return {}
    detection = settings.locality.outlier_detection
    return {
        "outlierDetection": {
            # Zero switches it off; it counts what programs answer by themselves.
            "consecutive5xxErrors": 0,
            "consecutiveGatewayErrors": detection.consecutive_gateway_errors,
            "interval": f"{detection.interval_seconds}s",
            "baseEjectionTime": f"{detection.base_ejection_seconds}s",
            "maxEjectionPercent": detection.max_ejection_percent,
        }
    }


def _peer_authentication(settings: MeshSettings, namespace: str) -> Object | None:
    """Mesh-wide since it is called `default`, selects nothing and lies in the root namespace.

    Source: https://istio.io/latest/docs/reference/config/security/peer_authentication/
    """
    if settings.mtls is None:
        return None
    return with_spec(
        "security.istio.io/v1",
        "PeerAuthentication",
        "default",
        namespace,
        {"mtls": {"mode": _in_capitals(settings.mtls)}},
    )


def _telemetry(settings: MeshSettings, namespace: str) -> Object | None:
    """Access log and tracing in one object: of several without a selector istiod heeds the oldest only.

    Source: namespaceWideTelemetryConfig of pilot/pkg/model/telemetry.go
    """
    spec: Object = {}
    if settings.access_log:
        log: Object = {"providers": [{"name": ACCESS_LOG_PROVIDER}]}
        spec["accessLogging"] = [log if settings.access_log.enabled else log | {"disabled": True}]
    if settings.tracing:
        tracing: Object = {"providers": [{"name": TRACING_PROVIDER}]}
        if settings.tracing.sampling_percentage is not None:
            tracing["randomSamplingPercentage"] = settings.tracing.sampling_percentage
        spec["tracing"] = [tracing]
    return with_spec("telemetry.istio.io/v1", "Telemetry", "mesh-default", namespace, spec) if spec else None


def _outlier_detection(settings: MeshSettings, namespace: str) -> Object | None:
    """A DestinationRule for every service of the mesh that has none of its own.

    istiod puts endpoints in the order of localities only where the DestinationRule of a service has outlier
    detection; what `meshConfig.defaultTrafficPolicy` has of it reaches the proxies, but not that order.
    Source: getOutlierDetectionAndLoadBalancerSettings of pilot/pkg/xds/endpoints/endpoint_builder.go
    """
    policy = traffic_policy(settings)
    if not policy:
        return None
    spec = {"host": "*.local", "trafficPolicy": policy}
    return with_spec("networking.istio.io/v1", "DestinationRule", "mesh-outlier-detection", namespace, spec)


def _in_capitals(word: str) -> str:
    return word.upper().replace("-", "_")


SECTION = Section(
    name="mesh-settings",
    stage=Stage.CONTROL_PLANE,
    component="MeshSettings",
    documents=documents,
    declared_in="meshes.<name>.settings",
    what="the [settings of the mesh](mesh-settings.md) that are objects of the root namespace",
    waits_for="a ready istiod, since its webhook validates them",
)
