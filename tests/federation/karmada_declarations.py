"""Declarations that both engines bring alike to three clusters: placements, divisions and overrides of every form."""

from __future__ import annotations

from typing import Any

Config = dict[str, Any]
FLEET: Config = {
    "host": "west",
    "networks": {"n-west": {}, "n-east": {}, "n-north": {}},
    "clusters": {
        "west": {
            "embedded": {},
            "network": "n-west",
            "region": "us",
            "zone": "us-1",
            "labels": {"tier": "gold", "size": "large"},
            "capacity": {"cpu": "40", "pods": 400},
        },
        "east": {
            "embedded": {},
            "network": "n-east",
            "region": "eu",
            "zone": "eu-1",
            "labels": {"tier": "gold"},
            "capacity": {"cpu": "20", "pods": 400},
        },
        "north": {
            "embedded": {},
            "network": "n-north",
            "region": "eu",
            "zone": "eu-2",
            "labels": {"tier": "silver"},
            "taints": [{"key": "trial", "value": "yes", "effect": "NoSchedule"}],
        },
    },
    "namespaces": {"shop": {}, "till": {}},
    "federation": {"engine": "karmada", "karmada": {"kubeconfig": "karmada.yaml", "context": "karmada"}},
}
TOLERATES: Config = {"clusterTolerations": [{"key": "trial", "operator": "Exists"}]}
ANY: Config = {"clusterTolerations": [{"operator": "Exists"}]}


def settings(name: str, namespace: str = "shop", **data: str) -> Config:
    described = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": described, "data": data or {"a": "1", "b": "2"}}


def workload(name: str, replicas: int | None = 9, kind: str = "Deployment", **spec: Any) -> Config:
    """Two containers, the first with what overrides change; an empty mapping that API servers do not keep."""
    labels = {"app": name}
    pod: Config = {
        "initContainers": [{"name": "setup", "image": "registry.example/shop/setup:1.0"}],
        "containers": [
            {
                "name": "app",
                "image": "registry.example:5000/shop/web:1.4",
                "command": ["serve"],
                "args": ["--fast", "--port=8080"],
                "env": [{"name": "REGION", "value": "none"}, {"name": "OLD", "value": "1"}],
                "resources": {"requests": {"cpu": "100m"}},
            },
            {"name": "side", "image": "shop/side:2"},
        ],
    }
    number = "parallelism" if kind == "Job" else "replicas"
    made: Config = {number: replicas} if replicas is not None else {}
    if kind == "ReplicationController":
        made["selector"] = labels
    elif kind != "Job":
        made["selector"] = {"matchLabels": labels}
    if kind == "StatefulSet":
        made["serviceName"] = name
    if kind == "Job":
        pod["restartPolicy"] = "Never"
    template = {"metadata": {"labels": labels, "annotations": {}}, "spec": pod}
    version = {"Job": "batch/v1", "ReplicationController": "v1"}.get(kind, "apps/v1")
    described = {"name": name, "namespace": "shop", "labels": {"team": "web", "old": "yes"}}
    return {"apiVersion": version, "kind": kind, "metadata": described, "spec": made | {"template": template} | spec}


def propagation(*objects: Config, overrides: tuple[Config, ...] = (), **more: Any) -> Config:
    made: Config = {"resources": [{"object": each} for each in objects]} | more
    return made | ({"overrides": list(overrides)} if overrides else {})


def divided(**more: Any) -> Config:
    return {"replicaScheduling": {"replicaSchedulingType": "Divided"} | more}


def weights(**by_cluster: int) -> Config:
    entries = [{"targetClusters": {"clusterNames": [name]}, "weight": weight} for name, weight in by_cluster.items()]
    return divided(staticWeights=entries)


def only(*names: str) -> Config:
    return {"clusterAffinity": {"clusterNames": list(names)}}


def override(*names: str, **changes: Any) -> Config:
    return ({"targetClusters": {"clusterNames": list(names)}} if names else {}) | changes


def definition(name: str) -> Config:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{name}s.shop.example"},
        "spec": {
            "group": "shop.example",
            "scope": "Namespaced",
            "names": {"plural": f"{name}s", "singular": name, "kind": name.capitalize(), "listKind": f"{name}List"},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {
                        "openAPIV3Schema": {
                            "type": "object",
                            "properties": {"spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
                        }
                    },
                }
            ],
        },
    }


def _group(name: str, *clusters: str, **more: Any) -> Config:
    return {"affinityName": name} | ({"clusterNames": list(clusters)} if clusters else {}) | more


YAML = "server:\n  port: 80  # plain\n  hosts: [a, b]\ncolour: blue\n"
JSON = '{"limit": 5, "names": ["x", "y"]}'

DECLARATIONS: dict[str, Config] = {
    # Where objects go.
    "all-that-is-tolerated": propagation(settings("everything")),
    "every-taint-tolerated": propagation(settings("tolerant"), placement=ANY),
    "one-taint-by-value": propagation(
        settings("by-value"), placement={"clusterTolerations": [{"key": "trial", "value": "yes"}]}
    ),
    "taint-of-another-value": propagation(
        settings("other-value"), placement={"clusterTolerations": [{"key": "trial", "value": "no"}]}
    ),
    "by-name": propagation(settings("by-name"), placement=only("east")),
    "by-exclusion": propagation(
        settings("by-exclusion"), placement=ANY | {"clusterAffinity": {"excludeClusters": ["east"]}}
    ),
    "by-label": propagation(settings("by-label"), placement={"clusterAffinity": {"matchLabels": {"tier": "gold"}}}),
    "by-label-expressions": propagation(
        settings("by-expressions"),
        placement=ANY
        | {
            "clusterAffinity": {
                "matchExpressions": [
                    {"key": "tier", "operator": "In", "values": ["gold", "silver"]},
                    {"key": "size", "operator": "DoesNotExist"},
                ]
            }
        },
    ),
    "by-label-not-in": propagation(
        settings("by-not-in"),
        placement=ANY
        | {"clusterAffinity": {"matchExpressions": [{"key": "size", "operator": "NotIn", "values": ["large"]}]}},
    ),
    "by-provider-and-region": propagation(
        settings("by-region"), placement=ANY | {"clusterAffinity": {"providers": ["embedded"], "regions": ["eu"]}}
    ),
    "by-zone": propagation(settings("by-zone"), placement=ANY | {"clusterAffinity": {"zones": ["eu-2", "us-1"]}}),
    "first-group-that-fits": propagation(
        settings("first-fit"),
        placement={
            "clusterAffinities": [_group("silver", matchLabels={"tier": "silver"}), _group("us", regions=["us"])]
        },
    ),
    "a-group-of-a-long-name": propagation(
        settings("long-group"), placement={"clusterAffinities": [_group("g" * 50, "west"), _group("g" * 51, "east")]}
    ),
    "spread-over-one-region": propagation(
        settings("one-region"),
        placement={"spreadConstraints": [{"spreadByField": "region", "minGroups": 1, "maxGroups": 1}]},
    ),
    "spread-over-labels": propagation(
        settings("one-tier"), placement=ANY | {"spreadConstraints": [{"spreadByLabel": "tier", "maxGroups": 1}]}
    ),
    "two-namespaces": propagation(settings("one", "shop"), settings("other", "till"), settings("third", "default")),
    # How many.
    "duplicated": propagation(workload("duplicated", 3)),
    "no-number": propagation(workload("no-number", None)),
    "no-replicas": propagation(workload("no-replicas", 0), placement=weights(west=1)),
    "equal-shares": propagation(workload("equal", 4), placement=divided()),
    "equal-shares-with-a-tie": propagation(workload("tie", 5), placement=ANY | divided()),
    "static-weights": propagation(workload("static", 9), placement=ANY | weights(west=2, east=1)),
    "a-weight-of-zero": propagation(workload("zero-weight", 6), placement=ANY | weights(west=2, east=0, north=1)),
    "weights-of-selections": propagation(
        workload("selected", 11),
        placement=ANY
        | divided(
            staticWeights=[
                {"weight": 1},
                {"targetClusters": {"regions": ["eu"]}, "weight": 3},
                {"targetClusters": {"matchLabels": {"tier": "silver"}}, "weight": 7},
            ]
        ),
    ),
    "weights-that-starve": propagation(workload("starved", 1), placement=weights(west=5, east=1)),
    "weights-of-a-group-without-any": propagation(
        workload("weightless", 4),
        placement=weights(east=1) | {"clusterAffinities": [_group("west", "west"), _group("east", "east")]},
    ),
    "by-free-capacity": propagation(workload("dynamic", 9), placement=divided(dynamicWeight="AvailableReplicas")),
    "aggregated": propagation(workload("aggregated", 9), placement=divided(replicaDivisionPreference="Aggregated")),
    "aggregated-where-it-is-tight": propagation(
        workload("tight", 30), placement=only("east") | divided(replicaDivisionPreference="Aggregated")
    ),
    "overflow": propagation(
        workload(
            "overflow",
            9,
            template={
                "metadata": {"labels": {"app": "overflow"}},
                "spec": {
                    "containers": [{"name": "app", "image": "shop/web:1", "resources": {"requests": {"cpu": "4"}}}]
                },
            },
        ),
        placement=divided() | {"overflowAffinities": [_group("near", "east"), _group("far", "west")]},
    ),
    "stateful": propagation(workload("stateful", 6, "StatefulSet"), placement=weights(west=1, east=2)),
    "replica-set": propagation(workload("set", 6, "ReplicaSet"), placement=weights(west=1, east=2)),
    "controller-of-old": propagation(
        workload("controller", 6, "ReplicationController"), placement=weights(west=1, east=2)
    ),
    "job-with-completions": propagation(workload("sums", 5, "Job", completions=13), placement=weights(west=2, east=3)),
    "job-in-each": propagation(workload("each", 2, "Job", completions=4)),
    "a-pod": propagation(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "alone", "namespace": "shop"},
            "spec": {"containers": [{"name": "app", "image": "shop/web:1"}]},
        },
        placement=divided(),
    ),
    "configuration-beside-a-workload": propagation(
        settings("beside"), workload("with-settings", 1), placement=weights(west=3, east=1)
    ),
    # How different.
    "images": propagation(
        workload("images", 2),
        overrides=(
            override("west", image=[{"component": "Registry", "value": "us.example"}]),
            override("east", image=[{"component": "Tag", "operator": "add", "value": "-eu", "container": "app"}]),
            override("east", image=[{"component": "Registry", "operator": "remove", "container": "app"}]),
            override(image=[{"component": "Repository", "operator": "add", "value": "-next", "container": "side"}]),
        ),
    ),
    "digest": propagation(
        workload("digest", 2),
        overrides=(
            override("east", image=[{"component": "Digest", "value": "sha256:" + "ab" * 32, "container": "app"}]),
        ),
    ),
    "words": propagation(
        workload("words", 2),
        overrides=(
            override("west", command=[{"container": "app", "operator": "add", "value": ["--verbose"]}]),
            override("west", args=[{"container": "app", "operator": "remove", "value": ["--fast"]}]),
            override("east", args=[{"container": "side", "operator": "replace", "value": ["a", "b"]}]),
            override("east", command=[{"container": "app", "operator": "replace", "value": []}]),
        ),
    ),
    "variables": propagation(
        workload("variables", 2),
        overrides=(
            override("west", env=[{"set": {"REGION": "us", "NEW": "2"}, "container": "app"}]),
            override("east", env=[{"unset": ["OLD", "REGION"]}]),
        ),
    ),
    "replicas-of-one-cluster": propagation(workload("fewer", 4), overrides=(override("east", replicas=1),)),
    "replicas-over-a-share": propagation(
        workload("over-share", 9), placement=weights(west=2, east=1), overrides=(override("east", replicas=3),)
    ),
    "labels-and-annotations": propagation(
        workload("marked", 2),
        settings("plain"),
        overrides=(
            override("west", labels={"set": {"team": "west", "new/label": "a.b"}, "unset": ["old"]}),
            override("east", annotations={"set": {"note/x_y": "a\nb: {c}"}}),
        ),
    ),
    "text-in-yaml-and-json": propagation(
        settings("texts", **{"settings.yaml": YAML, "limits.json": JSON}),
        overrides=(
            override(
                "west",
                fields=[
                    {
                        "fieldPath": "/data/settings.yaml",
                        "format": "yaml",
                        "json": [
                            {"op": "replace", "path": "/server/port", "value": 8080},
                            {"op": "add", "path": "/server/hosts/-", "value": "c"},
                        ],
                    }
                ],
            ),
            override(
                "east",
                fields=[
                    {
                        "fieldPath": "/data/limits.json",
                        "format": "json",
                        "json": [{"op": "remove", "path": "/names/0"}, {"op": "replace", "path": "/limit", "value": 7}],
                    }
                ],
            ),
        ),
    ),
    "every-operation-of-a-patch": propagation(
        settings("patched", a="1", b="2", c="3"),
        overrides=(
            override(
                "west",
                json=[
                    {"op": "test", "path": "/data/a", "value": "1"},
                    {"op": "copy", "from": "/data/a", "path": "/data/d"},
                    {"op": "move", "from": "/data/b", "path": "/data/e"},
                    {"op": "remove", "path": "/data/c"},
                    {"op": "add", "path": "/metadata/annotations", "value": {"shop.example/from": "~west"}},
                ],
            ),
        ),
    ),
    "strategic-merge": propagation(
        workload("merged", 2),
        overrides=(
            override(
                "west",
                strategicMerge={
                    "spec": {
                        "template": {
                            "metadata": {"annotations": {"note": "west"}},
                            "spec": {
                                "nodeSelector": {"disk": "ssd"},
                                "containers": [
                                    {"name": "side", "$patch": "delete"},
                                    {"name": "app", "env": [{"name": "MERGED", "value": "yes"}]},
                                ],
                            },
                        }
                    }
                },
            ),
        ),
    ),
    "several-in-order": propagation(
        workload("ordered", 9),
        placement=ANY | weights(west=3, east=2, north=1),
        overrides=(
            override(labels={"set": {"stage": "one"}}),
            override("west", "east", labels={"set": {"stage": "two"}}),
            override("east", labels={"set": {"stage": "three"}}),
            {"targetClusters": {"matchLabels": {"tier": "silver"}}, "labels": {"set": {"stage": "four"}}},
        ),
    ),
    "a-whole-list-of-another-length": propagation(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "ports", "namespace": "shop"},
            "spec": {"selector": {"app": "web"}, "ports": [{"name": "http", "port": 80}]},
        },
        overrides=(
            override("west", json=[{"op": "add", "path": "/spec/ports/-", "value": {"name": "tls", "port": 443}}]),
            override("east", json=[{"op": "replace", "path": "/spec/ports/0/port", "value": 8080}]),
        ),
    ),
    "an-image-that-is-pulled-otherwise": propagation(
        workload("pulled", 2),
        overrides=(override("east", image=[{"component": "Tag", "value": "latest", "container": "app"}]),),
    ),
    "a-strategy-without-the-settings-of-another": propagation(
        workload("recreated", 2, strategy={"type": "RollingUpdate"}),
        overrides=(override("east", json=[{"op": "replace", "path": "/spec/strategy/type", "value": "Recreate"}]),),
    ),
    "no-replicas-anywhere": propagation(workload("idle", 0)),
    # What becomes of it.
    "kept-when-it-leaves": propagation(settings("kept"), preserveResourcesOnDeletion=True, placement=only("west")),
    "taken-over-where-it-exists": propagation(
        settings("taken-over"), conflictResolution="Overwrite", placement=only("west")
    ),
    "moves-when-a-cluster-is-lost": propagation(
        workload("moving", 6), placement=weights(west=1, east=2), failover={"after": "90s", "recover": "Never"}
    ),
    # Of no namespace, and of a kind of its own.
    "rights": propagation(
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {"name": "shop:reader"},
            "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}],
        },
        overrides=(override("east", json=[{"op": "add", "path": "/rules/0/verbs/-", "value": "list"}]),),
    ),
    "a-kind-and-its-object": propagation(
        definition("basket"),
        {
            "apiVersion": "shop.example/v1",
            "kind": "Basket",
            "metadata": {"name": "main", "namespace": "shop"},
            "spec": {"size": 3, "tags": ["a"]},
        },
        placement=ANY,
        overrides=(
            {
                "targetClusters": {"regions": ["eu"]},
                "objects": {"kind": "Basket"},
                "json": [{"op": "replace", "path": "/spec/size", "value": 5}],
            },
        ),
    ),
}


def stack(*names: str) -> Config:
    """The fleet with some of the declarations; all of them when none is named."""
    return FLEET | {"propagations": {name: DECLARATIONS[name] for name in names or DECLARATIONS}}
