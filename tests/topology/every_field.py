"""Fleets that together set every field of every model, and the list of all fields as the models have them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import NoneType
from typing import Annotated, Any, cast, get_args, get_origin, get_type_hints

from pydantic import BaseModel

from meshfleet.providers.registry import NOT_BUILT
from meshfleet.topology.cert_manager import CertManagerCharts
from meshfleet.topology.control_plane import ControlPlane
from meshfleet.topology.draft import PARTS, SECTIONS
from meshfleet.topology.istio import Charts
from meshfleet.topology.model import Model
from meshfleet.topology.propagation.contents import Content

Config = dict[str, Any]
Path = tuple[str | int, ...]

# Models that are written in a short form: the keys of that form.
SHORT_FORMS: dict[type[Model], tuple[str, ...]] = {
    ControlPlane: ("remote", "external"),
    Charts: ("repository", "folder"),
    CertManagerCharts: ("repository", "folder"),
}

_TRUST = {
    "roots": ["first", "second"],
    "signing": "first",
    "algorithm": "rsa-4096",
    "organization": "Example",
    "root": {"validityDays": 3650, "renewBeforeDays": 365},
    "intermediate": {"validityDays": 730, "renewBeforeDays": 90},
}
_FILES = {"certificate": "ca-cert.pem", "key": "ca-key.pem", "chain": "chain.pem", "root": "root-cert.pem"}
_CERT_MANAGER: Config = {
    "cluster": "hub",
    "install": True,
    "charts": {"repository": "https://charts.example/jetstack"},
    "version": "1.21.2",
    "values": {"replicaCount": 2},
}
_SIGNER: Config = {
    "signer": "istio-csr",
    "istioCsr": {
        "charts": {"repository": "https://charts.example/jetstack"},
        "version": "0.17.0",
        "values": {"replicaCount": 2},
    },
}
_SETTINGS = {
    "mtls": "strict",
    "outboundTrafficPolicy": "registry-only",
    "locality": {
        "failover": [{"from": "here", "to": "there"}],
        "outlierDetection": {
            "consecutiveGatewayErrors": 3,
            "intervalSeconds": 10,
            "baseEjectionSeconds": 30,
            "maxEjectionPercent": 90,
        },
    },
    "accessLog": {"enabled": True, "encoding": "text", "format": "%RESPONSE_CODE%"},
    "tracing": {
        "samplingPercentage": 1.5,
        "opentelemetry": {"service": "otel.shop.svc.cluster.local", "port": 4317},
    },
    "dnsCapture": True,
    "clusterLocal": ["*.monitoring.svc.cluster.local"],
    "discoverySelectors": [
        {
            "matchLabels": {"shared": "yes"},
            "matchExpressions": [{"key": "team", "operator": "In", "values": ["shop", "search"]}],
        }
    ],
}
_SERVICE: Config = {"serviceAnnotations": {"example.com/class": "internal"}, "replicas": 2}
_ADVERTISED: list[Config] = [
    {"address": "198.18.113.20", "port": 8443, "istiodPort": 8012, "webhookPort": 8017, "to": ["south"]},
    {"address": "198.18.113.21"},
]
_NODE_PORTS: Config = {"type": "NodePort", "nodePorts": {"tls": 31443, "istiod": 31012, "webhook": 31017}}
_LISTENERS = [
    {"port": 80, "protocol": "HTTP", "hosts": ["shop.example"]},
    {"port": 443, "protocol": "HTTPS", "hosts": ["*.shop.example"], "credentialName": "shop"},
]
_MACHINES = {
    "namespace": "shop",
    "cluster": "west",
    "network": "coast",
    "serviceAccount": "till",
    "labels": {"app": "till"},
    "selector": {"app": "till"},
    "region": "shop-floor",
    "zone": "left",
    "subzone": "row-1",
    "ports": {"http": {"port": 8080, "protocol": "HTTP"}},
    "probe": {"http": {"port": 8080, "path": "/healthz"}, "periodSeconds": 5},
    "addresses": ["172.16.0.7"],
    "tokenLifetime": "2h",
    "service": "service-entry",
    "host": "till.machines.local",
}
_EDGE: Config = {"namespace": "shop", "cluster": "west", "network": "coast", "gateway": True}
_VALUES: Config = {"istiod": {"resources": {"requests": {"cpu": "1"}}}, "gateway": {"priorityClassName": "high"}}
_ADDITIONS: Config = {
    "labels": {"example.com/team": "mesh"},
    "annotations": {"example.com/owner": "mesh"},
    "patches": [
        {"document": "remote-secrets", "merge": {"immutable": False}},
        {
            "document": "istio-system",
            "json": [
                {"op": "add", "path": "/metadata/annotations/example.com~1tier", "value": "1"},
                {
                    "op": "copy",
                    "from": "/metadata/annotations/example.com~1tier",
                    "path": "/metadata/annotations/example.com~1rank",
                },
            ],
        },
    ],
}
_POD: Config = {
    "metadata": {"labels": {"app": "till"}},
    "spec": {"containers": [{"name": "app", "image": "registry.example/shop/till:1", "args": ["serve", "--quiet"]}]},
}
_DEPLOYMENT: Config = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "till", "namespace": "shop", "labels": {"app": "till", "team": "shop"}},
    "spec": {"replicas": 6, "selector": {"matchLabels": {"app": "till"}}, "template": _POD},
}
_CONFIG_MAP: Config = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "till", "namespace": "shop", "annotations": {"example.com/tier": "1"}},
    "data": {"till.yaml": "currency: EUR\n"},
}
_AFFINITY: Config = {
    "clusterNames": ["west"],
    "excludeClusters": ["south"],
    "matchLabels": {"tier": "shop"},
    "matchExpressions": [{"key": "tier", "operator": "In", "values": ["shop"]}],
    "providers": ["embedded"],
    "regions": ["here"],
    "zones": ["here-1"],
}
_NEARBY: Config = {"clusterNames": ["west"], "zones": ["here-1"]}
_ALL: Config = {"affinityName": "all", "clusterNames": ["west", "east"]}
_OVERRIDES: list[Config] = [
    {
        "targetClusters": _AFFINITY,
        "objects": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "till", "namespace": "shop"},
        "image": [{"component": "Tag", "operator": "replace", "value": "2", "container": "app"}],
        "command": [{"container": "app", "operator": "add", "value": ["/till"]}],
        "args": [{"container": "app", "operator": "remove", "value": ["--quiet"]}],
        "env": [{"container": "app", "set": {"REGION": "here"}}, {"set": {"OLD": "1"}}, {"unset": ["OLD"]}],
        "replicas": 3,
        "labels": {"set": {"rank": "1"}, "unset": ["team"]},
    },
    {
        "targetClusters": _NEARBY,
        "objects": {"kind": "ConfigMap"},
        "annotations": {"set": {"example.com/rank": "1"}, "unset": ["example.com/tier"]},
        "fields": [
            {
                "fieldPath": "/data/till.yaml",
                "format": "yaml",
                "json": [
                    {"op": "replace", "path": "/currency", "value": "USD"},
                    {"op": "copy", "from": "/currency", "path": "/display"},
                ],
            }
        ],
        "json": [
            {"op": "add", "path": "/data/more", "value": "1"},
            {"op": "move", "from": "/data/more", "path": "/data/other"},
        ],
        "strategicMerge": {"immutable": False, "data": {"last": "1"}},
    },
]
_DIVIDED: Config = {"replicaSchedulingType": "Divided", "replicaDivisionPreference": "Weighted"}
_PROPAGATIONS: Config = {
    "chest": {
        "resources": [
            {"file": "manifests"},
            {"kustomize": "overlays/shop"},
            {
                "chart": {
                    "folder": "chart",
                    "digest": f"sha256:{'0' * 64}",
                    "release": "chest",
                    "namespace": "shop",
                    "values": {"drawers": 3},
                    "valuesFiles": ["values.yaml"],
                    "apiVersions": ["shop.example/v1"],
                }
            },
            {
                "chart": {"repository": "https://charts.example", "name": "chest", "version": "1.0.0"}
                | {"release": "drawer", "namespace": "shop"}
            },
        ],
    },
    "till": {
        "resources": [{"object": _DEPLOYMENT}, {"object": _CONFIG_MAP}],
        "placement": {
            "clusterAffinity": _AFFINITY,
            "spreadConstraints": [
                {"spreadByField": "region", "minGroups": 1, "maxGroups": 2},
                {"spreadByLabel": "tier", "minGroups": 1},
            ],
            "replicaScheduling": _DIVIDED | {"staticWeights": [{"targetClusters": _AFFINITY, "weight": 2}]},
            "workloadAffinity": {
                "affinity": {"groupByLabelKey": "app.near"},
                "antiAffinity": {"groupByLabelKey": "app.apart"},
            },
        },
        "overrides": _OVERRIDES,
        "conflictResolution": "Overwrite",
        "preserveResourcesOnDeletion": True,
        "rollout": {
            "waves": [{"targetClusters": _AFFINITY}, {"clusters": 1}, {"percent": "50%"}],
            "pause": True,
            "health": {"withinSeconds": 60},
            "abortOn": "Failed",
            "rollbackOnFailure": True,
            "firstCreation": True,
        },
        "failover": {"after": "90s", "evict": False, "recover": "Never"},
        "followDependencies": True,
    },
    "read": {
        "resources": [{"object": _CONFIG_MAP | {"metadata": {"name": "read", "namespace": "default"}}}],
        "onlyAsDependencies": True,
        "dependencyRules": [
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "references": [{"fieldPath": "/data/next", "apiVersion": "v1", "kind": "ConfigMap"}],
            }
        ],
    },
    "groups": {
        "resources": [{"object": _CONFIG_MAP | {"metadata": {"name": "groups", "namespace": "default"}}}],
        "placement": {
            "clusterAffinities": [_NEARBY | {"affinityName": "near"}, _AFFINITY | {"affinityName": "some"}],
            "clusterTolerations": [
                {"key": "trial", "operator": "Equal", "value": "yes", "effect": "NoSchedule"},
                {"operator": "Exists"},
            ],
        },
    },
    "overflow": {
        "resources": [{"object": _DEPLOYMENT | {"metadata": {"name": "overflow", "namespace": "default"}}}],
        "placement": {
            "overflowAffinities": [_NEARBY | {"affinityName": "near"}, _AFFINITY | {"affinityName": "some"}, _ALL],
            "replicaScheduling": _DIVIDED | {"dynamicWeight": "AvailableReplicas"},
        },
    },
}
# One on this machine, with ranges, gateways, workloads, machines, every setting of a mesh.
HERE: Config = {
    "host": "west",
    "networks": {
        "coast": {"description": "by the sea", "gateways": [{"address": "198.18.113.7", "port": 15443}]},
        "inland": {},
    },
    "meshes": {"sea": {"trustDomain": "sea.example", "trust": _TRUST, "settings": _SETTINGS}},
    "clusters": {
        "west": {
            "embedded": {"nodes": 2, "pods": "simulated"},
            "network": "coast",
            "mesh": "sea",
            "dataPlane": "sidecar",
            "region": "here",
            "zone": "here-1",
            "podCidr": "10.10.0.0/16",
            "serviceCidr": "10.11.0.0/16",
            "eastWestGateway": {"loadBalancerIp": "198.18.113.10", "port": 15443} | _SERVICE,
            "ingressGateways": {
                "public": {"api": "istio", "namespace": "shop", "loadBalancerIp": "198.18.113.11"}
                | {"listeners": _LISTENERS}
                | _SERVICE
            },
            "discovery": {"server": "https://127.0.0.1:6443", "tlsServerName": "kubernetes", "token": 2}
            | {"certificateAuthority": "authority.pem", "readBy": ["east"]},
            "istio": {"values": _VALUES},
            "additions": _ADDITIONS,
        },
        "east": {
            "existing": {"kubeconfig": "kubeconfig.yaml", "context": "east", "pods": "simulated"},
            "network": "inland",
            "mesh": "sea",
            "region": "there",
            "eastWestGateway": {"hostname": "gateway.east.example", "advertised": _ADVERTISED},
            "ingressGateways": {
                "inner": {"api": "gateway", "hostname": "inner.east.example", "listeners": [{"port": 80}]}
            },
        },
        "south": {"embedded": {"pods": "processes"}, "network": "inland", "mesh": "sea", "region": "there"}
        | {"controlPlane": {"remote": "east"}},
    },
    "namespaces": {
        "shop": {"injection": True, "clusters": ["west", "east"], "labels": {"team": "shop"}}
        | {"federatedResourceQuota": {"overall": {"cpu": "1k", "memory": "4Ti", "pods": 9000}}}
    },
    "workloads": {
        "cart": {
            "namespace": "shop",
            "clusters": ["west"],
            "image": "registry.example/shop/cart:1",
            "versions": {
                "v1": {"replicas": 2, "clusters": ["west"], "weight": 90, "headers": {"x-canary": "no"}},
                "v2": {"weight": 10},
            },
            "allowedCallers": ["shop/till"],
            "exportTo": ["."],
        }
    },
    "virtualMachines": {"till": _MACHINES, "edge": _EDGE},
    "istio": {
        "version": "1.31",
        "revision": "green",
        "revisions": {"green": {"version": "1.31"}, "blue": {}},
        "gatewayRevision": "green",
        "tags": ["prod"],
        "charts": {"folder": "charts"},
        "values": _VALUES,
    },
    "kubernetes": {"version": "v1.35.4"},
    "additions": _ADDITIONS,
}
# One elsewhere: ambient beside sidecars, an external control plane, other choices of the same fields.
ELSEWHERE: Config = {
    "host": "hub",
    "networks": {"calm": {}, "busy": {}, "far": {}, "wood": {}},
    "meshes": {
        "still": {},
        "third": {"trust": {"issuer": "files", "files": {"yard": _FILES}}},
        "fourth": {"trust": _SIGNER | {"issuer": "cert-manager", "certManager": _CERT_MANAGER}},
        "loud": {"settings": {"tracing": {"zipkin": {"service": "zipkin.shop.svc.cluster.local", "port": 9411}}}},
    },
    "clusters": {
        "hub": {
            "existing": {"kubeconfig": "kubeconfig.yaml", "context": "hub"},
            "network": "calm",
            "mesh": "still",
            "dataPlane": "ambient",
            "podCidr": "fd00:1::/64",
            "serviceCidr": "fd00:2::/112",
            "eastWestGateway": {"loadBalancerIp": "2001:db8::10"},
        },
        "mart": {
            "existing": {"kubeconfig": "kubeconfig.yaml", "context": "mart"},
            "network": "busy",
            "mesh": "loud",
            "controlPlane": {"external": "yard"},
        },
        "yard": {
            "existing": {"kubeconfig": "kubeconfig.yaml", "context": "yard"},
            "network": "far",
            "mesh": "third",
        },
        "grove": {
            "kind": {"nodes": 2, "images": "published", "image": "kindest/node:v1.35.4", "gatewayAddresses": "cluster"}
            | {"docker": {"socket": "/run/docker.sock"}},
            "network": "wood",
            "mesh": "fourth",
            "eastWestGateway": _NODE_PORTS,
            "ingressGateways": {
                "public": {"api": "istio", "type": "NodePort", "listeners": [{"port": 80, "nodePort": 30080}]}
            },
        },
    },
    "namespaces": {"shop": {"injection": True, "waypoint": True, "globalServices": True}},
    "workloads": {"cart": {"namespace": "shop", "versions": {"v1": {"headers": {"x-canary": "yes"}}, "v2": {}}}},
    "virtualMachines": {
        "till": {
            "namespace": "shop",
            "cluster": "mart",
            "ports": {"http": {"port": 8080}},
            "probe": {"tcp": {"port": 8080}},
        }
    },
    "istio": {"charts": {"repository": "https://charts.example/istio"}},
}

# What excludes another choice of the two above.
ISSUING: Config = {
    "host": "hub",
    "networks": {"calm": {}},
    "meshes": {
        "still": {
            "trust": {
                "signer": "istio-csr",
                "istioCsr": {"charts": {"folder": "charts"}},
                "issuer": "cert-manager",
                "certManager": {
                    "issuerRef": {"name": "vault", "kind": "ClusterIssuer", "group": "cert-manager.io"},
                    "root": "pki/root-cert.pem",
                    "charts": {"folder": "charts"},
                },
            }
        }
    },
    "clusters": {
        "hub": {"existing": {"kubeconfig": "kubeconfig.yaml", "context": "hub"}, "network": "calm", "mesh": "still"}
    },
}

_RIGHTS: Config = {
    "oidc": {"usernamePrefix": "oidc:", "groupsPrefix": "groups:"},
    "users": {"anna": {"name": "anna@shop.example"}, "boris": {}},
    "groups": {"crew": {"name": "the-crew", "users": ["anna"], "groups": ["guild"]}, "guild": {"users": ["boris"]}},
    "serviceAccounts": {"robot": {"namespace": "shop", "name": "machine", "create": False}},
    "roles": {
        "gazer": {
            "rules": [
                {"apiGroups": [""], "resources": ["pods"], "resourceNames": ["till"], "verbs": ["get"]},
                {"nonResourceURLs": ["/metrics"], "verbs": ["get"]},
            ],
            "allowWildcards": True,
            "allowEscalation": True,
        },
        "added": {"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}], "aggregateTo": ["view"]},
        "answered": {"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}], "author": "anna"},
    },
    "bindings": {
        "widely": {
            "role": "gazer",
            "subjects": {"users": ["anna"], "groups": ["crew"], "serviceAccounts": ["robot"]},
            "allNamespaces": True,
            "clusterAffinity": _AFFINITY,
            "allowEscalation": True,
        },
        "narrowly": {"role": "answered", "subjects": {"users": ["boris"]}, "namespaces": ["shop"], "author": "anna"},
        "fully": {"role": "admin", "subjects": {"users": ["anna"]}, "allNamespaces": True, "allowEscalation": True},
    },
    "aggregateIstio": True,
}

# Propagations and identities, in a fleet that is small: each value is tried with whole documents.
PROPAGATING: Config = {
    "host": "west",
    "networks": {"coast": {}},
    "clusters": {
        "west": {"embedded": {}, "network": "coast", "region": "here", "zone": "here-1", "labels": {"tier": "shop"}}
        | {"capacity": {"cpu": "8", "memory": "32Gi", "pods": 40}},
        "east": {
            "existing": {"kubeconfig": "kubeconfig.yaml", "context": "east", "pods": "simulated"},
            "network": "coast",
        },
        "south": {"embedded": {}, "network": "coast", "region": "there"}
        | {"taints": [{"key": "trial", "value": "yes", "effect": "NoSchedule"}]},
    },
    "namespaces": {"shop": {}},
    "propagations": _PROPAGATIONS,
    "identities": _RIGHTS,
}

# Names across clusters, in one that is small for the same reason.
NAMING: Config = {
    "host": "west",
    "networks": {"coast": {}},
    "meshes": {"sea": {"settings": {"dnsCapture": True}}},
    "clusters": {
        "west": {"embedded": {}, "network": "coast", "region": "here", "zone": "here-1", "labels": {"tier": "shop"}}
        | {"ingressGateways": {"public": {"api": "istio", "listeners": [{"port": 80}]}}},
        "south": {"embedded": {}, "network": "coast"},
    },
    "namespaces": {"shop": {}},
    "multiClusterServices": {
        "till": {
            "namespace": "shop",
            "service": "cart",
            "type": "ClusterSetIP",
            "ip": "240.241.0.7",
            "ports": [{"name": "http", "port": 80, "targetPort": 8080}],
            "providerClusters": _AFFINITY,
            "consumerClusters": _AFFINITY,
        }
    },
    "dnsEndpoints": {
        "till": {
            "dnsName": "till.example.com",
            "ingressGateway": "public",
            "targetClusters": _AFFINITY,
            "recordTTL": 30,
            "weights": [{"targetClusters": _AFFINITY, "weight": 2}],
            "providerSpecific": {"aws/evaluate-target-health": "true"},
            "namespace": "shop",
            "publishingClusters": _AFFINITY,
            "definition": True,
        },
        "near": {"dnsName": "near.example.com", "ingressGateway": "public", "locality": True},
    },
}

# Another engine for what is propagated.
FEDERATED: Config = {
    "host": "west",
    "networks": {"coast": {}},
    "clusters": {"west": {"embedded": {}, "network": "coast"}},
    "federation": {
        "engine": "karmada",
        "karmada": {"kubeconfig": "karmada.yaml", "context": "karmada", "scheduling": "live"},
    },
}

INSTALLED: Config = {
    "host": "west",
    "networks": {"coast": {}},
    "clusters": {"west": {"existing": {"kubeconfig": "k", "context": "west"}, "network": "coast"}},
    "federation": {
        "engine": "karmada",
        "karmada": {
            "chart": {
                "repository": "https://charts.example/karmada",
                "name": "karmada",
                "version": "v1.18.2",
                "digest": f"sha256:{'0' * 64}",
                "namespace": "karmada-hub",
                "type": "NodePort",
                "nodePort": 32443,
                "serviceAnnotations": {"example.com/balancer": "internal"},
                "address": "karmada.example.com",
                "values": {"karmadaImageVersion": "v1.18.2"},
            }
        },
    },
}

PACKAGED: Config = INSTALLED | {"federation": {"engine": "karmada", "karmada": {"chart": {"folder": "charts/karmada"}}}}

PORTAL: Config = {
    "host": "west",
    "networks": {"coast": {}},
    "clusters": {"west": {"embedded": {}, "network": "coast"}},
    "namespaces": {"shop": {}},
    "portal": {
        "addresses": ["127.0.0.1"],
        "port": 8443,
        "hostAccounts": True,
        "oidc": {
            "login": {
                "issuer": "https://login.example",
                "audiences": ["portal"],
                "usernameClaim": "email",
                "usernamePrefix": "oidc:",
                "groupsClaim": "groups",
                "groupsPrefix": "oidc:",
                "jwksUri": "https://login.example/keys",
                "certificateAuthority": "login.pem",
            },
            "other": {
                "issuer": "https://other.example",
                "audiences": ["portal"],
                "usernamePrefix": "other:",
                "jwks": "keys.json",
            },
        },
        "clientCertificates": {"certificateAuthority": "clients.pem"},
        "users": ["anna"],
        "groups": ["crew"],
        "serviceAccounts": [{"namespace": "shop", "name": "deployer"}],
    },
}


class Empty(dict[tuple[str, int], Content]):
    """The contents of any source: nothing. Which files there are is not a matter of values."""

    def get(self, key: object, default: object = None) -> Content:
        """Nothing, and nothing wrong."""
        return Content()


def declared_fields() -> set[str]:
    """The path of every field that takes a value, `*` for a name and `[]` for an element."""
    found = {"host"}
    for section, model in SECTIONS.items():
        found |= {f"{section}.*.{path}" for path in _fields(cast("type[Model]", model))}
    for part, model in PARTS.items():
        found |= {f"{part}.{path}" for path in _fields(cast("type[Model]", model))}
    return {path for path in found if not any(f"clusters.*.{provider}" in path for provider in NOT_BUILT)}


def places(config: Config) -> Iterator[tuple[Path, str]]:
    """The path of every value in a configuration and the field that it is one of."""
    known = declared_fields()

    def walk(value: object, path: Path, general: tuple[str, ...]) -> Iterator[tuple[Path, str]]:
        spelled = ".".join(general).replace(".[]", "[]")
        if spelled in known and not isinstance(value, Mapping | list):
            yield path, spelled
        if isinstance(value, Mapping):
            for key, inner in value.items():
                named = any(one.startswith(f"{spelled}.*" if spelled else "*") for one in known)
                yield from walk(inner, (*path, key), (*general, "*" if named else key))
        elif isinstance(value, list):
            for position, inner in enumerate(value):
                yield from walk(inner, (*path, position), (*general, "[]"))

    yield from walk(config, (), ())


def named(config: Config) -> Iterator[tuple[Path, Path]]:
    """The path of every name that the author of the configuration has chosen: the keys of mappings of names.

    With it the kind of name: the path in which chosen names are `*` and positions `[]`.
    """
    known = declared_fields()

    def walk(value: object, path: Path, general: tuple[str, ...]) -> Iterator[tuple[Path, Path]]:
        if isinstance(value, list):
            for position, inner in enumerate(value):
                yield from walk(inner, (*path, position), (*general, "[]"))
        if isinstance(value, Mapping):
            spelled = ".".join(general).replace(".[]", "[]")
            chosen = any(one.startswith(f"{spelled}.*") for one in known)
            for key, inner in value.items():
                # Within an object of Kubernetes the names are those of its kind.
                if chosen and path[-1:] != ("object",):
                    yield (*path, key), (*general, "*")
                yield from walk(inner, (*path, key), (*general, "*" if chosen else key))

    yield from walk(config, (), ())


def _fields(model: type[BaseModel]) -> Iterator[str]:
    if model in SHORT_FORMS:
        yield from SHORT_FORMS[model]
        return
    for name, hint in get_type_hints(model).items():
        field = model.model_fields.get(name)
        if field is not None:
            yield from _below(str(field.alias), hint)


def _below(path: str, hint: Any) -> Iterator[str]:
    origin, arguments = get_origin(hint), [part for part in get_args(hint) if part is not NoneType]
    if isinstance(hint, type) and issubclass(hint, Model):
        yield from (f"{path}.{inner}" for inner in _fields(hint))
    elif origin is Annotated or (origin not in (None, dict, tuple) and len(arguments) == 1):
        yield from _below(path, arguments[0])
    elif origin is dict:
        yield from _below(f"{path}.*", arguments[1])
    elif origin is tuple:
        yield from _below(f"{path}[]", arguments[0])
    else:
        yield path
