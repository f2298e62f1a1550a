"""What is wrong with propagations once they are placed: each fault is named, and its advice leads to a good stack."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import pytest

from meshfleet.manifests.addition_faults import checked
from meshfleet.topology import TopologyError, load

pytestmark = pytest.mark.proof("propagated objects go where their placement says", step=0)

Config = dict[str, Any]
GOOD: Config = {
    "host": "west",
    "networks": {"n-west": {}, "n-east": {}},
    "clusters": {
        "west": {"embedded": {}, "network": "n-west", "region": "us", "capacity": {"cpu": "1", "pods": 4}},
        "east": {"embedded": {}, "network": "n-east", "region": "eu", "labels": {"tier": "gold"}},
    },
    "namespaces": {"shop": {}},
    "workloads": {"cart": {"namespace": "shop"}},
}


def config_map(name: str = "web", namespace: str | None = "shop", **more: Any) -> Config:
    described = {"name": name} | ({} if namespace is None else {"namespace": namespace})
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": described} | more


def namespace(name: str) -> Config:
    return config_map(name, None, kind="Namespace")


def deployment(replicas: object = 2, cpu: object = "500m", namespace: str = "shop") -> Config:
    labels = {"app": "web"}
    requests = {"resources": {"requests": {"cpu": cpu}}}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "app", "image": "shop/web:1"} | requests]}}
    return config_map("web", namespace) | {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": pod},
    }


def definition(scope: str = "Namespaced") -> Config:
    return config_map("catalogs.shop.example", None) | {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "spec": {
            "group": "shop.example",
            "scope": scope,
            "names": {"plural": "catalogs", "kind": "Catalog"},
            "versions": [{"name": "v1", "served": True, "storage": True}],
        },
    }


def catalog(version: str = "v1", namespace: str | None = "shop") -> Config:
    return config_map("main", namespace) | {"apiVersion": f"shop.example/{version}", "kind": "Catalog"}


def of(*objects: Config, **more: Any) -> Config:
    return {"resources": [{"object": each} for each in objects]} | more


def to(*clusters: str) -> Config:
    return {"placement": {"clusterAffinity": {"clusterNames": list(clusters)}}}


def divided(**more: Any) -> Config:
    return {"placement": {"replicaScheduling": {"replicaSchedulingType": "Divided"} | more}}


def overriding(**override: Any) -> Config:
    return {"overrides": [override]}


def following(field: str = "/data/next", /, **references: Config) -> Config:
    """ConfigMaps by name whose `data` refer to others, each in a propagation of its own."""
    rule = {"apiVersion": "v1", "kind": "ConfigMap"}
    rules = [rule | {"references": [rule | {"fieldPath": field}]}]
    return {
        name: of(config_map(name, data=data), followDependencies=True, dependencyRules=rules)
        for name, data in references.items()
    }


def patching(path: str, value: object) -> Config:
    return overriding(json=[{"op": "add", "path": path, "value": value}], objects={"kind": "Deployment"})


def cluster_wide(version: str, kind: str, name: str) -> Config:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}}


def job(**spec: object) -> Config:
    return deployment() | {"apiVersion": "batch/v1", "kind": "Job", "spec": spec | {"parallelism": 2}}


def apart(*clusters: str, **more: Config) -> Config:
    affinity = {"workloadAffinity": {"antiAffinity": {"groupByLabelKey": "group"}}}
    return {"placement": {"clusterAffinity": {"clusterNames": [*clusters]}} | affinity | more}


def grouped(name: str) -> Config:
    return deployment() | {"metadata": {"name": name, "namespace": "shop", "labels": {"group": "web"}}}


def reading(name: str) -> Config:
    """A Deployment whose pods read a ConfigMap."""
    made = copy.deepcopy(deployment())
    made["spec"]["template"]["spec"]["volumes"] = [{"name": "read", "configMap": {"name": name}}]
    return made


@dataclass(frozen=True)
class Case:
    """Propagations that are wrong, the fault, and those that its advice leads to."""

    title: str
    wrong: Config
    path: str
    message: str
    right: Config


OBJECT = "propagations.own.resources[0].object"
CASES = [
    *(
        Case(
            f"{body['kind']} {body['metadata']['name']} of another's making",
            {"own": of(body)},
            f"{OBJECT}.metadata.name",
            f"is made by {owner} in every cluster; give it another name",
            {"own": of(config_map())},
        )
        for owner, body in (
            ("Kubernetes", config_map("kube-root-ca.crt")),
            ("Istio", config_map("istio-ca-root-cert")),
            ("Kubernetes", config_map("kubernetes", "default", kind="Service")),
            ("Kubernetes", cluster_wide("rbac.authorization.k8s.io/v1", "ClusterRole", "cluster-admin")),
            ("Kubernetes", cluster_wide("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "system:node")),
            ("Istio", cluster_wide("rbac.authorization.k8s.io/v1", "ClusterRole", "istio-reader-x-istio-system")),
            (
                "Istio",
                cluster_wide(
                    "admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", "istio-sidecar-injector"
                ),
            ),
            ("Kubernetes", cluster_wide("scheduling.k8s.io/v1", "PriorityClass", "system-node-critical")),
            ("Kubernetes", cluster_wide("apiregistration.k8s.io/v1", "APIService", "v1.apps")),
        )
    ),
    *(
        Case(
            f"{body['kind']} in the version {body['apiVersion']}",
            {"own": of(body)},
            f"{OBJECT}.apiVersion",
            f"no cluster serves {body['kind']} in {body['apiVersion']}; write {right}",
            {"own": of(config_map())},
        )
        for right, body in (
            ("apps/v1", deployment() | {"apiVersion": "apps/v1beta1"}),
            ("v1", config_map(apiVersion="v2")),
            (
                "autoscaling/v1 or autoscaling/v2",
                config_map(apiVersion="autoscaling/v2beta2", kind="HorizontalPodAutoscaler"),
            ),
        )
    ),
    *(
        Case(
            f"a ConfigMap whose data are {data}",
            {"own": of(config_map(data=data))},
            f"{OBJECT}.data{where}",
            message,
            {"own": of(config_map(data={"a": "1"}))},
        )
        for data, where, message in (
            ({"a": 1}, ".a", "must be a string, got 1; put it in quotes"),
            ({"a": {"b": "c"}}, ".a", "must be a string, got {b: 'c'}"),
            (["a"], "", "['a'] is no map of keys to texts"),
            ({"../a": "b"}, ".../a", "'../a' is not a key of a ConfigMap"),
        )
    ),
    *(
        Case(
            f"a definition with {more}",
            {"own": of(definition() | {"spec": definition()["spec"] | more})},
            f"{OBJECT}.spec.{where}",
            message,
            {"own": of(definition())},
        )
        for more, where, message in (
            ({"scope": "cluster"}, "scope", "must be Namespaced or Cluster, got 'cluster'"),
            ({"versions": []}, "versions", "is no list of versions; give the one that is served"),
            ({"names": {"plural": "catalogs"}}, "names.kind", "null is not a kind"),
        )
    ),
    Case(
        "completions of a Job that are no number",
        {"own": of(job(completions="many"), **divided())},
        f"{OBJECT}.spec.completions",
        "must be an integer from 0 to 100000, got 'many'",
        {"own": of(job(completions=4), **divided())},
    ),
    Case(
        "an override that makes labels of a pod template a text",
        {"own": of(deployment(), **patching("/spec/template/metadata", {"labels": "web"}))},
        "propagations.own.overrides[0].json[0]",
        "Deployment web of shop: spec.template.metadata.labels: 'web' is no map of keys to values",
        {"own": of(deployment())},
    ),
    Case(
        "an override that takes the spec away",
        {"own": of(deployment(), **patching("/spec", "web"))},
        "propagations.own.overrides[0].json[0]",
        "Deployment web of shop: spec: 'web' is no map of keys to values",
        {"own": of(deployment())},
    ),
    Case(
        "copies of copies",
        {
            "own": of(
                config_map(kind="Service", spec={"a": "b"}),
                **overriding(json=[{"op": "copy", "from": "/spec", "path": f"/spec/{number}"} for number in range(18)]),
            )
        },
        "propagations.own.overrides[0].json[17]",
        "copy makes the document longer than 1572864 characters; copy less",
        {"own": of(config_map())},
    ),
    Case(
        "a selector of which each part selects something, and all together nothing",
        {"own": of(config_map(), placement={"clusterAffinity": {"regions": ["us"], "matchLabels": {"tier": "gold"}}})},
        "propagations.own.placement.clusterAffinity",
        "selects no cluster (west: no label tier; east: region eu is none of us)",
        {"own": of(config_map(), placement={"clusterAffinity": {"matchLabels": {"tier": "gold"}}})},
    ),
    Case(
        "an override for clusters that there are not together",
        {
            "own": of(
                config_map(),
                **overriding(
                    targetClusters={"clusterNames": ["west"], "regions": ["eu"]}, labels={"set": {"team": "shop"}}
                ),
            )
        },
        "propagations.own.overrides[0].targetClusters",
        "selects no cluster (west: region us is none of eu; east: name east is none of west)",
        {"own": of(config_map(), **overriding(targetClusters={"regions": ["eu"]}, labels={"set": {"team": "shop"}}))},
    ),
    Case(
        "a wave of clusters that there are not together",
        {
            "own": of(
                config_map(),
                rollout={"waves": [{"targetClusters": {"clusterNames": ["west"], "regions": ["eu"]}}]},
            )
        },
        "propagations.own.rollout.waves[0].targetClusters",
        "selects no cluster (west: region us is none of eu; east: name east is none of west)",
        {"own": of(config_map(), rollout={"waves": [{"targetClusters": {"regions": ["eu"]}}]})},
    ),
    Case(
        "more replicas than there is room for",
        {
            "own": of(
                deployment(9),
                placement={
                    "clusterAffinity": {"clusterNames": ["west"]},
                    "replicaScheduling": {
                        "replicaSchedulingType": "Divided",
                        "replicaDivisionPreference": "Aggregated",
                    },
                },
            )
        },
        OBJECT,
        "cannot be placed: 7 of 9 replicas fit nowhere; there is room for 2 in west",
        {"own": of(deployment(9), **divided(replicaDivisionPreference="Aggregated"))},
    ),
    Case(
        "what stands before it has taken the room",
        {
            "first": of(deployment(4, "250m", "default"), **to("west")),
            "own": of(
                deployment(1),
                placement={
                    "clusterAffinity": {"clusterNames": ["west"]},
                    "replicaScheduling": {"replicaSchedulingType": "Divided", "dynamicWeight": "AvailableReplicas"},
                },
            ),
        },
        OBJECT,
        "cannot be placed: no cluster is eligible (west: a replica needs 500m cpu, 0 free",
        {
            "first": of(deployment(2, "250m", "default"), **to("west")),
            "own": of(
                deployment(1),
                placement={
                    "clusterAffinity": {"clusterNames": ["west"]},
                    "replicaScheduling": {"replicaSchedulingType": "Divided", "dynamicWeight": "AvailableReplicas"},
                },
            ),
        },
    ),
    Case(
        "fewer regions than a spread wants",
        {"own": of(config_map(), placement={"spreadConstraints": [{"spreadByField": "region", "minGroups": 3}]})},
        OBJECT,
        "cannot be placed: ",
        {"own": of(config_map(), placement={"spreadConstraints": [{"spreadByField": "region", "minGroups": 2}]})},
    ),
    Case(
        "replicas that are no number",
        {"own": of(deployment("2"))},
        f"{OBJECT}.spec.replicas",
        "must be an integer from 0 to 100000, got '2'",
        {"own": of(deployment(2))},
    ),
    Case(
        "a request that is no quantity",
        {"own": of(deployment(cpu="many"))},
        f"{OBJECT}.spec.template.spec.containers[0].resources.requests.cpu",
        "'many' is not a quantity; write it as in 500m, 2 or 4Gi",
        {"own": of(deployment(cpu="1500m"))},
    ),
    Case(
        "a namespace that is nowhere",
        {"own": of(config_map(namespace="stage"))},
        f"{OBJECT}.metadata.namespace",
        "the namespace stage does not exist in east, west, where ConfigMap web goes; declare it in namespaces, or",
        {"own": of(config_map(namespace="stage"), namespace("stage"))},
    ),
    Case(
        "a namespace that is propagated to other clusters",
        {"own": of(config_map(namespace="stage")), "stage": of(namespace("stage"), **to("west"))},
        f"{OBJECT}.metadata.namespace",
        "the namespace stage does not exist in east, where ConfigMap web goes",
        {"own": of(config_map(namespace="stage"), **to("west")), "stage": of(namespace("stage"), **to("west"))},
    ),
    Case(
        "a custom resource without its definition",
        {"own": of(catalog())},
        f"{OBJECT}.kind",
        "east, west would not serve Catalog of shop.example; propagate its CustomResourceDefinition to there",
        {"own": of(catalog()), "kinds": of(definition())},
    ),
    Case(
        "a custom resource whose definition goes elsewhere",
        {"own": of(catalog()), "kinds": of(definition(), **to("east"))},
        f"{OBJECT}.kind",
        "west would not serve Catalog of shop.example",
        {"own": of(catalog(), **to("east")), "kinds": of(definition(), **to("east"))},
    ),
    Case(
        "a version that the definition does not serve",
        {"own": of(catalog("v2")), "kinds": of(definition())},
        OBJECT,
        "version 'v2' of Catalog is not served by its definition; served are v1",
        {"own": of(catalog("v1")), "kinds": of(definition())},
    ),
    Case(
        "a custom resource in a namespace by whose definition it is in none",
        {"own": of(catalog()), "kinds": of(definition("Cluster"))},
        OBJECT,
        "a Catalog is in no namespace, by the scope of its definition; leave metadata.namespace out",
        {"own": of(catalog(namespace=None)), "kinds": of(definition("Cluster"))},
    ),
    Case(
        "a custom resource in no namespace by whose definition it is in one",
        {"own": of(catalog(namespace=None)), "kinds": of(definition())},
        OBJECT,
        "a Catalog is in a namespace, by the scope of its definition; give metadata.namespace",
        {"own": of(catalog()), "kinds": of(definition())},
    ),
    Case(
        "an object of the Gateway API where nothing defines it",
        {"own": of(config_map(apiVersion="gateway.networking.k8s.io/v1", kind="HTTPRoute"))},
        f"{OBJECT}.kind",
        "east, west would not serve HTTPRoute of gateway.networking.k8s.io",
        {"own": of(config_map(apiVersion="networking.istio.io/v1", kind="VirtualService"))},
    ),
    Case(
        "a Service of a workload",
        {"own": of(config_map("cart", kind="Service"))},
        OBJECT,
        "declares Service cart in the namespace shop, which the fleet makes in west from workloads; leave it out",
        {"own": of(config_map("cart-2", kind="Service"))},
    ),
    Case(
        "an override that makes it of another network",
        {"own": of(config_map(), **overriding(labels={"set": {"topology.istio.io/network": "n-east"}}))},
        OBJECT,
        "with the overrides for east: metadata.labels.topology.istio.io/network is set by the fleet from",
        {"own": of(config_map(), **overriding(labels={"set": {"network": "n-east"}}))},
    ),
    Case(
        "an override that makes replicas no number",
        {"own": of(deployment(), **overriding(json=[{"op": "replace", "path": "/spec/replicas", "value": "many"}]))},
        OBJECT,
        "with its overrides spec.replicas: must be an integer from 0 to 100000, got 'many'",
        {"own": of(deployment(), **overriding(json=[{"op": "replace", "path": "/spec/replicas", "value": 3}]))},
    ),
    Case(
        "an override whose path is not there",
        {"own": of(config_map(), **overriding(json=[{"op": "replace", "path": "/data/a", "value": "b"}]))},
        "propagations.own.overrides[0].json[0]",
        "there is no /data/a",
        {
            "own": of(
                config_map(data={"a": "c"}), **overriding(json=[{"op": "replace", "path": "/data/a", "value": "b"}])
            )
        },
    ),
    Case(
        "objects that wait for each other",
        following(own={"next": "second"}, second={"next": "third"}, third={"next": "own"}),
        OBJECT,
        "waits for itself in east: ConfigMap shop/own → ConfigMap shop/second → ConfigMap shop/third → "
        "ConfigMap shop/own",
        following(own={"next": "second"}, second={"next": "third"}, third={}),
    ),
    Case(
        "an object that refers to itself with the overrides of one cluster",
        {
            "own": following(own={"next": "second"})["own"]
            | overriding(
                targetClusters={"clusterNames": ["east"]},
                json=[{"op": "replace", "path": "/data/next", "value": "own"}],
            )
        },
        OBJECT,
        "waits for itself in east: ConfigMap shop/own → ConfigMap shop/own; take away one of these references",
        following(own={"next": "second"}),
    ),
    Case(
        "a reference that is no name",
        following("/data", own={"next": "second"}),
        "propagations.own.dependencyRules[0].references[0].fieldPath",
        "ConfigMap shop/own has {next: 'second'} at /data, which must be a name",
        following(own={"next": "second"}),
    ),
    Case(
        "a divided workload that would have to follow",
        {
            "first": following(first={"next": "web"})["first"]
            | {
                "dependencyRules": [
                    {
                        "apiVersion": "v1",
                        "kind": "ConfigMap",
                        "references": [{"fieldPath": "/data/next", "apiVersion": "apps/v1", "kind": "Deployment"}],
                    }
                ]
            },
            "own": of(
                deployment(),
                placement={
                    "clusterAffinity": {"clusterNames": ["west"]},
                    "replicaScheduling": {"replicaSchedulingType": "Divided"},
                },
            ),
        },
        OBJECT,
        "ConfigMap shop/first refers to it in east, where it is not placed, and its replicas are divided; place them",
        {"first": following(first={})["first"] | to("west"), "own": of(deployment(), **divided())},
    ),
    Case(
        "a follower whose namespace does not come along",
        {
            "first": of(reading("own"), followDependencies=True),
            "own": of(config_map("own", "stage")),
            "stage": of(namespace("stage"), **to("west")),
        },
        f"{OBJECT}.metadata.namespace",
        "the namespace stage does not exist in east, where ConfigMap own goes",
        {
            "first": of(reading("own"), followDependencies=True),
            "own": of(config_map("own"), onlyAsDependencies=True),
        },
    ),
    Case(
        "workloads that are to be apart, and have one cluster",
        {"first": of(grouped("first"), **apart("west")), "own": of(grouped("own"), **apart("west"))},
        OBJECT,
        "cannot be placed: no cluster is eligible (east: name east is none of west; west: another workload of the "
        "group group=web is there: Deployment shop/first)",
        {"first": of(grouped("first"), **apart("west")), "own": of(grouped("own"), **apart("west", "east"))},
    ),
    Case(
        "an override that makes it too large",
        {
            "own": of(
                config_map(data={f"{number}": "a" * 250_000 for number in range(4)}),
                **overriding(json=[{"op": "add", "path": "/data/more", "value": "a" * 250_000}]),
            )
        },
        OBJECT,
        "with the overrides for east: has 1250",
        {"own": of(config_map(data={f"{number}": "a" * 250_000 for number in range(4)}))},
    ),
]


def configuration(propagations: Config) -> Config:
    return copy.deepcopy(GOOD) | {"propagations": copy.deepcopy(propagations)}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_what_is_wrong_is_named_and_the_advice_leads_to_a_good_stack(case: Case) -> None:
    with pytest.raises(TopologyError) as caught:
        checked(load("x", configuration(case.wrong)))
    faults = caught.value.faults
    assert [fault.path for fault in faults] == [case.path]
    assert case.message in faults[0].message
    assert len(faults[0].message) < 500
    checked(load("x", configuration(case.right)))


def test_what_an_existing_cluster_has_is_not_known_and_not_asked_for() -> None:
    config = configuration({"own": of(catalog(namespace="stage"))})
    for name in ("west", "east"):
        config["clusters"][name] = {"existing": {"kubeconfig": "k.yaml", "context": name}, "network": f"n-{name}"}
    checked(load("x", config))


def test_a_definition_of_the_gateway_api_is_refused_where_the_fleet_installs_it() -> None:
    config = configuration({"own": of(definition())})
    body = config["propagations"]["own"]["resources"][0]["object"]
    body["metadata"]["name"] = "widgets.gateway.networking.k8s.io"
    body["spec"] |= {"group": "gateway.networking.k8s.io", "names": {"plural": "widgets", "kind": "Widget"}}
    checked(load("x", config))
    config["clusters"]["east"]["ingressGateways"] = {"public": {"api": "gateway", "listeners": [{"port": 80}]}}
    with pytest.raises(TopologyError, match="defines a kind that the fleet defines in east itself; leave it out"):
        checked(load("x", config))
