"""What the API of Karmada v1.18 takes of the objects that the program makes: schemas of our own, closed.

Written from what its CustomResourceDefinitions, its defaults and its admission say of the fields that are used.
"""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]
NAME: Schema = {"type": "string", "pattern": "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", "maxLength": 253}
TEXT: Schema = {"type": "string", "minLength": 1}


def closed(required: tuple[str, ...] = (), **properties: Schema) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def some(items: Schema) -> Schema:
    return {"type": "array", "items": items, "minItems": 1}


REQUIREMENT = closed(("key", "operator"), key=TEXT, operator={"enum": ["In", "NotIn", "Exists", "DoesNotExist"]})
REQUIREMENT["properties"]["values"] = some({"type": "string"})
FIELD = closed(
    ("key", "operator", "values"),
    key={"enum": ["provider", "region", "zone"]},
    operator={"enum": ["In", "NotIn"]},
    values=some(TEXT),
)
LABELS: Schema = {"type": "object", "additionalProperties": {"type": "string"}, "minProperties": 1}
AFFINITY: dict[str, Schema] = {
    "clusterNames": some(NAME),
    "exclude": some(NAME),
    "labelSelector": closed((), matchLabels=LABELS, matchExpressions=some(REQUIREMENT)),
    "fieldSelector": closed(("matchExpressions",), matchExpressions=some(FIELD)),
}
AFFINITY_NAME: Schema = {"type": "string", "minLength": 1, "maxLength": 32}
NAMED = closed(("affinityName",), affinityName=AFFINITY_NAME, **AFFINITY)
TERM = closed(("affinityName",), affinityName=AFFINITY_NAME, overflowAffinities=some(NAMED), **AFFINITY)
TOLERATION = closed(
    ("operator",),
    key=TEXT,
    operator={"enum": ["Exists", "Equal"]},
    value={"type": "string"},
    effect={"enum": ["NoSchedule", "NoExecute"]},
    tolerationSeconds={"type": "integer", "minimum": 0},
)
SPREAD = closed(
    ("spreadByField", "minGroups"),
    spreadByField={"enum": ["cluster", "region", "zone"]},
    minGroups={"type": "integer", "minimum": 1},
    maxGroups={"type": "integer", "minimum": 1},
)
WEIGHT = closed(("targetCluster", "weight"), targetCluster=closed((), **AFFINITY))
WEIGHT["properties"]["weight"] = {"type": "integer", "minimum": 1}
PREFERENCE: Schema = {
    "oneOf": [
        closed(("staticWeightList",), staticWeightList=some(WEIGHT)),
        closed(("dynamicWeight",), dynamicWeight={"const": "AvailableReplicas"}),
    ]
}
SCHEDULING: Schema = {
    "oneOf": [
        closed(("replicaSchedulingType",), replicaSchedulingType={"const": "Duplicated"}),
        closed(
            ("replicaSchedulingType", "replicaDivisionPreference"),
            replicaSchedulingType={"const": "Divided"},
            replicaDivisionPreference={"const": "Weighted"},
            weightPreference=PREFERENCE,
        ),
        closed(
            ("replicaSchedulingType", "replicaDivisionPreference"),
            replicaSchedulingType={"const": "Divided"},
            replicaDivisionPreference={"const": "Aggregated"},
        ),
    ]
}
# Its default divides, so that the placement always says which it is. The two kinds of affinities exclude each other.
PLACEMENT = closed(
    ("replicaScheduling",),
    clusterAffinity=closed((), **AFFINITY),
    clusterAffinities=some(TERM),
    clusterTolerations=some(TOLERATION),
    spreadConstraints={**some(SPREAD), "contains": {"properties": {"spreadByField": {"const": "cluster"}}}},
    replicaScheduling=SCHEDULING,
) | {"not": {"required": ["clusterAffinity", "clusterAffinities"]}}
SELECTOR = closed(("apiVersion", "kind", "name"), apiVersion=TEXT, kind=TEXT, name=TEXT, namespace=NAME)
PROPAGATION = closed(
    ("resourceSelectors", "placement", "conflictResolution", "preserveResourcesOnDeletion"),
    resourceSelectors=some(SELECTOR),
    placement=PLACEMENT,
    conflictResolution={"enum": ["Abort", "Overwrite"]},
    preserveResourcesOnDeletion={"type": "boolean"},
    failover=closed(("cluster",), cluster=closed(("purgeMode",), purgeMode={"enum": ["Directly", "Gracefully"]})),
)
PATH: Schema = {"type": "string", "pattern": "^(/([^/~]|~[01])*)+$"}
PLAINTEXT: Schema = {
    "oneOf": [
        closed(("path", "operator"), path=PATH, operator={"const": "remove"}),
        closed(
            ("path", "operator", "value"),
            path=PATH,
            operator={"enum": ["add", "replace"]},
            value={"type": ["object", "array", "string", "number", "boolean"]},
        ),
    ]
}
RULE = closed(
    ("targetCluster", "overriders"),
    targetCluster=closed((), **AFFINITY),
    overriders=closed(("plaintext",), plaintext=some(PLAINTEXT)),
)
OVERRIDE = closed(("resourceSelectors", "overrideRules"), resourceSelectors=some(SELECTOR), overrideRules=some(RULE))
CONDITION = closed(
    ("conditionType", "operator", "statusValues"),
    conditionType=TEXT,
    operator={"enum": ["In", "NotIn"]},
    statusValues=some({"enum": ["True", "False", "Unknown"]}),
)
TAINT = closed(("key", "effect"), key=TEXT, effect={"enum": ["NoSchedule", "NoExecute"]}, value={"type": "string"})
TAINTS = closed(
    ("addOnConditions", "removeOnConditions", "taints"),
    addOnConditions=some(CONDITION),
    removeOnConditions=some(CONDITION),
    taints=some(TAINT),
)
REFERENCE = closed(("namespace", "name"), namespace={"const": "karmada-cluster"}, name=NAME)
CLUSTER = closed(
    ("id", "syncMode", "apiEndpoint", "secretRef", "provider"),
    id=TEXT,
    syncMode={"const": "Push"},
    apiEndpoint=TEXT,
    secretRef=REFERENCE,
    impersonatorSecretRef=REFERENCE,
    provider=TEXT,
    region=TEXT,
    zones=some(TEXT),
    taints=some(TAINT),
)


def described(*, namespaced: bool, longest: int = 63) -> Schema:
    labels: Schema = {"type": "object", "additionalProperties": {"type": "string"}}
    return closed(
        ("name", "labels", *(["namespace"] if namespaced else [])),
        name=NAME | {"maxLength": longest},
        labels=labels,
        annotations=labels,
        **({"namespace": NAME} if namespaced else {}),
    )


def schema(api_version: str, kind: str, spec: Schema, *, namespaced: bool, longest: int = 63) -> Schema:
    return closed(
        ("apiVersion", "kind", "metadata", "spec"),
        apiVersion={"const": api_version},
        kind={"const": kind},
        metadata=described(namespaced=namespaced, longest=longest),
        spec=spec,
    )


POLICY = "policy.karmada.io/v1alpha1"
SCHEMAS: dict[str, Schema] = {
    "PropagationPolicy": schema(POLICY, "PropagationPolicy", PROPAGATION, namespaced=True),
    "ClusterPropagationPolicy": schema(POLICY, "ClusterPropagationPolicy", PROPAGATION, namespaced=False),
    "OverridePolicy": schema(POLICY, "OverridePolicy", OVERRIDE, namespaced=True),
    "ClusterOverridePolicy": schema(POLICY, "ClusterOverridePolicy", OVERRIDE, namespaced=False),
    "ClusterTaintPolicy": schema(POLICY, "ClusterTaintPolicy", TAINTS, namespaced=False),
    "Cluster": schema("cluster.karmada.io/v1alpha1", "Cluster", CLUSTER, namespaced=False, longest=48),
}
