"""What the fleet owns in everything it makes: the fields of charts and objects that follow from the stack file.

An addition of the user (topology/additions.py) may say anything else. One table holds the path of each such field and
the field of the stack file that decides it; both the rule over a stack file and the comparison of whole documents
(manifests/addition_faults.py) read it.

Source: the values of manifests/charts of istio/istio, and pkg/kube/inject for what a pod can override.
"""

from __future__ import annotations

from collections.abc import Mapping

from meshfleet.providers.registry import process_pods
from meshfleet.topology.owned_paths import ANY, Owned, Path, Table

CLUSTER = "its name in clusters"
NETWORK = "clusters.<name>.network"
MESH = "clusters.<name>.mesh"
TRUST_DOMAIN = "meshes.<name>.trustDomain"
TRUST = "meshes.<name>.trust"
CERT_MANAGER = "meshes.<name>.trust.certManager"
SETTINGS = "meshes.<name>.settings"
CLUSTER_LOCAL = "meshes.<name>.settings.clusterLocal"
DISCOVERY_SELECTORS = "meshes.<name>.settings.discoverySelectors"
DNS_CAPTURE = "meshes.<name>.settings.dnsCapture"
CONTROL_PLANE = "clusters.<name>.controlPlane"
DATA_PLANE = "clusters.<name>.dataPlane"
EAST_WEST_GATEWAY = "clusters.<name>.eastWestGateway"
REVISION = "istio.revision"
GATEWAY_REVISION = "istio.gatewayRevision"
VERSION = "istio.version"
TAGS = "istio.tags"
NAMESPACES = "namespaces"
INJECTION = "namespaces.<name>.injection"

GATEWAYS = "clusters.<name>.eastWestGateway or ingressGateways"
ITSELF = ""
"""What no field decides: marks of the fleet, and what tools read."""
SECTION = "the part of the document"
"""The part of the stack file that a document is made of: `section_of`."""


def _owned(entries: Mapping[str, str], *before: str) -> tuple[Owned, ...]:
    return tuple(Owned((*before, *path.split(".")), owner) for path, owner in entries.items())


# What tells a proxy who it is, as environment variables: of pods, of injected proxies, of the agent.
# https://github.com/istio/istio/blob/master/pkg/bootstrap/config.go
_PROXY_VARIABLES = {
    "ISTIO_META_CLUSTER_ID": CLUSTER,
    "ISTIO_META_NETWORK": NETWORK,
    "ISTIO_META_MESH_ID": MESH,
    "TRUST_DOMAIN": TRUST_DOMAIN,
    "CA_ADDR": CONTROL_PLANE,
    "CA_PROVIDER": TRUST,
    "CA_ROOT_CA": TRUST,
    "XDS_ROOT_CA": TRUST,
    "PROXY_CONFIG": "istio.values.istiod.meshConfig.defaultConfig",
    "PROXY_CONFIG_XDS_AGENT": TRUST,
    "PILOT_CERT_PROVIDER": TRUST,
    "ISTIO_META_GATEWAY_NETWORK": NETWORK,
    "ISTIO_META_DNS_CAPTURE": DNS_CAPTURE,
    # Of ztunnel: https://github.com/istio/ztunnel/blob/master/src/config.rs
    "CLUSTER_ID": CLUSTER,
    "NETWORK": NETWORK,
    "CA_ADDRESS": CONTROL_PLANE,
    "XDS_ADDRESS": CONTROL_PLANE,
    "ISTIO_META_DISCOVERY_ADDRESS": CONTROL_PLANE,
}
# And those of istiod: https://istio.io/latest/docs/reference/commands/pilot-discovery/#envvars
_ISTIOD_VARIABLES = {
    "CLUSTER_ID": CLUSTER,
    "REVISION": REVISION,
    "EXTERNAL_ISTIOD": CONTROL_PLANE,
    "KUBECONFIG": CONTROL_PLANE,
    "POD_NAME": CONTROL_PLANE,
    "POD_NAMESPACE": CONTROL_PLANE,
    "ISTIOD_CUSTOM_HOST": CONTROL_PLANE,
    "INJECTION_WEBHOOK_CONFIG_NAME": REVISION,
    "VALIDATION_WEBHOOK_CONFIG_NAME": REVISION,
    "SHARED_MESH_CONFIG": "istio.values.istiod.meshConfig",
    "JWT_POLICY": TRUST,
    "ROOT_CA_DIR": TRUST,
    "CERT_SIGNER_DOMAIN": TRUST,
    "EXTERNAL_CA": TRUST,
    "ISTIO_MULTIROOT_MESH": TRUST,
    "PILOT_CA_CERT_CONFIGMAP": TRUST,
    "PILOT_ENABLE_AMBIENT": DATA_PLANE,
    "AMBIENT_ENABLE_MULTI_NETWORK": DATA_PLANE,
}
_VARIABLES = _PROXY_VARIABLES | _ISTIOD_VARIABLES

# Keys of labels and annotations by which Istio, Kubernetes and this program know what belongs where.
LABELS = {
    "app.kubernetes.io/managed-by": ITSELF,
    "istio-injection": INJECTION,
    "istio.io/dataplane-mode": INJECTION,
    "istio.io/global": "namespaces.<name>.globalServices",
    "istio.io/rev": REVISION,
    "istio.io/tag": TAGS,
    "istio.io/use-waypoint": "namespaces.<name>.waypoint",
    "istio.io/use-waypoint-namespace": "namespaces.<name>.waypoint",
    "istio.io/waypoint-for": "namespaces.<name>.waypoint",
    "istio/multiCluster": "clusters.<name>.discovery",
    "kubernetes.io/metadata.name": NAMESPACES,
    "networking.istio.io/gatewayPort": EAST_WEST_GATEWAY,
    "sidecar.istio.io/inject": INJECTION,
    "topology.istio.io/cluster": CLUSTER,
    "topology.istio.io/network": NETWORK,
}
ANNOTATIONS = {
    "meshfleet/*": ITSELF,
    # Read by Helm and by Pulumi, which would treat the object in another way than the fleet does.
    "helm.sh/*": ITSELF,
    "meta.helm.sh/*": ITSELF,
    "pulumi.com/*": ITSELF,
    "kubernetes.io/service-account.name": "clusters.<name>.discovery",
    "networking.istio.io/exportTo": "workloads.<name>.exportTo",
    # Its text may say anything of a proxy, its identity included.
    "proxy.istio.io/config": "istio.values.istiod.meshConfig.defaultConfig",
    "topology.istio.io/controlPlaneClusters": CONTROL_PLANE,
    "topology.istio.io/network": NETWORK,
}


def _keys(entries: Mapping[str, str], *places: Path) -> tuple[Owned, ...]:
    """Fields whose names have dots, below each of `places`."""
    return tuple(Owned((*place, key), owner) for place in places for key, owner in entries.items())


VALUES = Table(
    *_owned(
        {
            # Of every chart; ztunnel's has some of them at its top.
            "global.meshID": MESH,
            "global.multiCluster.clusterName": CLUSTER,
            "global.network": NETWORK,
            "global.meshNetworks": "networks.<name>.gateways",
            "global.trustDomain": TRUST_DOMAIN,
            "global.istioNamespace": CONTROL_PLANE,
            "global.remotePilotAddress": CONTROL_PLANE,
            "global.externalIstiod": CONTROL_PLANE,
            "global.configCluster": CONTROL_PLANE,
            "global.configValidation": CONTROL_PLANE,
            "global.operatorManageWebhooks": CONTROL_PLANE,
            "global.omitSidecarInjectorConfigMap": CONTROL_PLANE,
            "global.caAddress": CONTROL_PLANE,
            "global.caName": TRUST,
            "global.pilotCertProvider": TRUST,
            "global.certSigners": TRUST,
            "global.trustBundleName": TRUST,
            "global.tag": VERSION,
            "global.profile": DATA_PLANE,
            "global.proxy.clusterDomain": "kubernetes",
            "global.meshfleet": ITSELF,
            "global.enableReaderRBAC": "clusters.<name>.discovery",
            "global.readerServiceAccount": "clusters.<name>.discovery",
            "global.resourceScope": CONTROL_PLANE,
            "resourceScope": CONTROL_PLANE,
            "ambient.enabled": DATA_PLANE,
            "multiCluster.clusterName": CLUSTER,
            "network": NETWORK,
            "istioNamespace": CONTROL_PLANE,
            "caAddress": CONTROL_PLANE,
            "xdsAddress": CONTROL_PLANE,
            "trustDomain": TRUST_DOMAIN,
            "tag": VERSION,
            "profile": DATA_PLANE,
            "compatibilityVersion": VERSION,
            # Revisions, and the tags that stand for them.
            "revision": REVISION,
            "defaultRevision": REVISION,
            "revisionTags": TAGS,
            # The mesh configuration.
            "meshConfig.trustDomain": TRUST_DOMAIN,
            "meshConfig.rootNamespace": CONTROL_PLANE,
            "meshConfig.ca": TRUST,
            "meshConfig.caCertificates": TRUST,
            "meshConfig.certificates": TRUST,
            "meshConfig.configSources": CONTROL_PLANE,
            # Whole lists: an entry more would say of Services and namespaces what the stack file does not.
            "meshConfig.serviceSettings": CLUSTER_LOCAL,
            "meshConfig.discoverySelectors": DISCOVERY_SELECTORS,
            "meshConfig.defaultConfig.discoveryAddress": CONTROL_PLANE,
            "meshConfig.defaultConfig.meshId": MESH,
            "meshConfig.defaultConfig.caCertificatesPem": TRUST,
            # Where API servers find istiod.
            "base.validationURL": CONTROL_PLANE,
            "base.validationCABundle": CONTROL_PLANE,
            "istiodRemote": CONTROL_PLANE,
            "configMap": CONTROL_PLANE,
            # Gateways.
            "name": GATEWAYS,
            "networkGateway": NETWORK,
            "networkGatewayPorts": EAST_WEST_GATEWAY,
            "service.type": GATEWAYS,
            "service.loadBalancerIP": GATEWAYS,
            "service.selectorLabels": GATEWAYS,
            "resourceName": DATA_PLANE,
        }
    ),
    *_owned({f"env.{name}": owner for name, owner in _VARIABLES.items()}),
    *_owned({f"envVarFrom.{name}": owner for name, owner in _VARIABLES.items()}),
    *_owned({f"meshConfig.defaultConfig.proxyMetadata.{name}": owner for name, owner in _PROXY_VARIABLES.items()}),
    *_keys(LABELS, ("labels",), ("podLabels",), ("deploymentLabels",)),
    *_keys(ANNOTATIONS, ("annotations",), ("podAnnotations",), ("sidecarInjectorWebhook", "injectedAnnotations")),
    *_keys(ANNOTATIONS, ("service", "annotations"), ("serviceAnnotations",)),
)
"""Of the values of every chart, whether it has such a value or not."""

_METADATA: Path = ("metadata",)
_TEMPLATE: Path = ("spec", "template", "metadata")
OBJECTS = Table(
    *_keys(LABELS, (*_METADATA, "labels"), (*_TEMPLATE, "labels")),
    *_keys(ANNOTATIONS, (*_METADATA, "annotations"), (*_TEMPLATE, "annotations")),
    *_owned(
        {
            "apiVersion": SECTION,
            "kind": SECTION,
            "metadata.name": SECTION,
            "metadata.namespace": SECTION,
            "metadata.generateName": SECTION,
            "stringData": SECTION,
            # An argument that comes later wins.
            "spec.template.spec.containers.*.args": SECTION,
            "spec.template.spec.containers.*.command": SECTION,
            "spec.network": NETWORK,
            "spec.template.network": NETWORK,
        }
    ),
    *(
        Owned(("spec", "template", "spec", "containers", ANY, "env", name), owner)
        for name, owner in _PROXY_VARIABLES.items()
    ),
)
"""Of every object, whether the fleet sets it or not."""

IF_SET = Table(
    *_owned(
        {
            "global": CONTROL_PLANE,
            "multiCluster": CLUSTER,
            "meshConfig": SETTINGS,
            "env": CONTROL_PLANE,
            "extraContainerArgs": TRUST,
            "volumes": TRUST,
            "volumeMounts": TRUST,
            "telemetry": f"clusters.<name>.{' or '.join(process_pods())}.pods",
            "base": CONTROL_PLANE,
            "service": GATEWAYS,
            "replicaCount": GATEWAYS,
            "autoscaling": GATEWAYS,
        }
    )
)
"""Who owns what the fleet sets in the values of a chart, and the user may set where the fleet does not."""

SECRETS = Table(*OBJECTS.entries, *_owned({"data.*": SECTION, "type": SECTION}))
"""Of Secrets: certificates, tokens and kubeconfigs."""

FREE: tuple[Path, ...] = (
    # Chosen by the fleet where nothing in the stack file says so.
    ("autoscaleEnabled",),
    ("autoscaling", "enabled"),
    ("service", "allocateLoadBalancerNodePorts"),
    ("data", "service"),
    ("spec", "template", "spec", "containers", ANY, "readinessProbe"),
    ("spec", "template", "spec", "containers", ANY, "lifecycle"),
)
"""What the fleet sets and an addition may set otherwise."""

# The beginning of a document's name, as `render` has it -> the part of the stack file it belongs to: for the rule over
# a stack file, which has no documents yet. A test holds it to what the documents say themselves.
_SECTIONS: tuple[tuple[str, str], ...] = (
    ("istio-system", NETWORK),
    ("external-", CONTROL_PLANE),
    ("cacerts", TRUST),
    ("istio-csr", TRUST),
    ("trust-namespace", CERT_MANAGER),
    ("cert-manager", CERT_MANAGER),
    ("root-", CERT_MANAGER),
    ("issuer-", CERT_MANAGER),
    ("intermediate-", CERT_MANAGER),
    ("istio-base", "istio"),
    ("istio-cni", DATA_PLANE),
    ("ztunnel", DATA_PLANE),
    ("gateway-api", DATA_PLANE),
    ("remote-istiod", CONTROL_PLANE),
    ("istiod-gateway", CONTROL_PLANE),
    ("istiod-routes", CONTROL_PLANE),
    ("istiod-token", CONTROL_PLANE),
    ("istiod", "istio"),
    ("tag-", TAGS),
    ("peer-authentication", SETTINGS),
    ("telemetry", SETTINGS),
    ("outlier-detection", SETTINGS),
    ("east-west-gateway", EAST_WEST_GATEWAY),
    ("cross-network-gateway", EAST_WEST_GATEWAY),
    ("reader-", "clusters.<name>.discovery"),
    ("remote-secrets", "clusters.<name>.discovery"),
    ("namespace-", NAMESPACES),
    ("waypoint-", "namespaces.<name>.waypoint"),
    ("ingress-", "clusters.<name>.ingressGateways"),
    ("workload-", "workloads"),
    ("machine-", "virtualMachines"),
    ("propagation-", "propagations"),
    ("portal-", "portal"),
    ("karmada-", "federation"),
    ("service-", "multiClusterServices"),
    ("dns-", "dnsEndpoints"),
    ("identity-", "identities"),
)


def section_of(document: str) -> str:
    """The part of the stack file that a document is made of, by the document's name."""
    return next((section for beginning, section in _SECTIONS if document.startswith(beginning)), "the stack file")


def owner_of(table: Table, path: Path) -> str:
    """The field of the stack file that decides the field at `path`."""
    owned = table.within(path) or (IF_SET.within(path) if table is VALUES else None)
    return owned.owner if owned else SECTION


def refusal(owner: str, declared_in: str = "the stack file") -> str:
    """Why an addition for a field of a document is refused, and what to do; `declared_in` decides the document."""
    if owner == ITSELF:
        return "is the fleet's own; leave it out"
    return f"is set by the fleet from {declared_in if owner == SECTION else owner}; change it there"
