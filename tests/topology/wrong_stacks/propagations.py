"""Propagations: objects that no cluster takes or that are not the user's, and selectors of what is not there."""

from __future__ import annotations

from typing import Any

from tests.topology.wrong_stacks.wrong import ABSENT, Wrong

PATH = "propagations.web"
OBJECT = f"{PATH}.resources[0].object"
Config = dict[str, Any]


def config_map(name: str = "web", namespace: str | None = "shop", **more: Any) -> Config:
    """A ConfigMap with more fields at its top."""
    described = {"name": name} | ({} if namespace is None else {"namespace": namespace})
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": described} | more


def described(**metadata: Any) -> Config:
    """A ConfigMap with more metadata."""
    return config_map() | {"metadata": config_map()["metadata"] | metadata}


def deployment(replicas: object = 2, **spec: Any) -> Config:
    """A Deployment of two replicas."""
    labels = {"app": "web"}
    pod: Config = {
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": "app", "image": "registry.example/web:1"}]},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": pod | spec},
    }


def definition(**spec: Any) -> Config:
    """The definition of the kind Catalog of shop.example."""
    naming = {"plural": "catalogs", "kind": "Catalog"}
    versions = [{"name": "v1", "served": True, "storage": True}, {"name": "v2", "served": False}]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "catalogs.shop.example"},
        "spec": {"group": "shop.example", "scope": "Namespaced", "names": naming, "versions": versions} | spec,
    }


def catalog(version: str = "v1", namespace: str | None = "shop") -> Config:
    """A Catalog."""
    return config_map("main", namespace) | {"apiVersion": f"shop.example/{version}", "kind": "Catalog"}


def of(*objects: Config, **more: Any) -> dict[str, object]:
    """Changes that declare one propagation of these objects."""
    return {PATH: {"resources": [{"object": each} for each in objects]} | more}


def selecting(**affinity: Any) -> dict[str, object]:
    """Changes that declare a propagation with this affinity."""
    return of(config_map(), placement={"clusterAffinity": affinity})


AFFINITY = f"{PATH}.placement.clusterAffinity"
LABELLED: dict[str, object] = {"clusters.west.labels": {"tier": "gold"}}

SHAPES = [
    *(
        Wrong(
            f"a placement whose {key} are empty",
            of(config_map(), placement={key: []}),
            {f"{PATH}.placement": f"{key} is empty; give at least one entry, or leave the list out"},
        )
        for key in ("clusterAffinities", "overflowAffinities")
    ),
    Wrong(
        "no weights at all",
        of(config_map(), placement={"replicaScheduling": {"replicaSchedulingType": "Divided", "staticWeights": []}}),
        {f"{PATH}.placement.replicaScheduling": "staticWeights is empty; give at least one entry"},
    ),
    Wrong("propagations that are a list", {"propagations": []}, {"propagations": "must be a map of names to settings"}),
    Wrong(
        "a propagation without objects",
        {PATH: {"resources": []}},
        {f"{PATH}.resources": "is empty; give an object, or leave the propagation out"},
    ),
    Wrong(
        "a propagation with a name that is no DNS label",
        {"propagations.Web": {"resources": [{"object": config_map()}]}},
        {"propagations.Web": "'Web' is not a DNS label"},
    ),
    Wrong(
        "a rollout without waves",
        of(config_map(), rollout={"waves": []}),
        {f"{PATH}.rollout.waves": "is empty; give a wave, or leave rollout out"},
    ),
    Wrong(
        "a wave that is chosen in two ways",
        of(config_map(), rollout={"waves": [{"clusters": 1, "percent": "10%"}]}),
        {f"{PATH}.rollout.waves[0]": "give one of targetClusters, clusters and percent"},
    ),
    Wrong(
        "a wave of nothing",
        of(config_map(), rollout={"waves": [{"clusters": 0}, {"percent": "0%"}]}),
        {
            f"{PATH}.rollout.waves[0].clusters": "input should be greater than or equal to 1",
            f"{PATH}.rollout.waves[1].percent": "'0%' is not a share; write it as in 25%, from 1% to 100%",
        },
    ),
    Wrong(
        "a wave of a cluster that there is not",
        of(config_map(), rollout={"waves": [{"targetClusters": {"clusterNames": ["nowhere"]}}]}),
        {f"{PATH}.rollout.waves[0].targetClusters.clusterNames[0]": "there is no cluster 'nowhere'"},
    ),
    Wrong(
        "a resolution of conflicts that there is not",
        of(config_map(), conflictResolution="Adopt"),
        {f"{PATH}.conflictResolution": "must be 'Abort' or 'Overwrite', got 'Adopt'"},
    ),
    Wrong(
        "a rollback that is no truth value",
        of(config_map(), rollout={"waves": [{"clusters": 1}], "rollbackOnFailure": "yes"}),
        {f"{PATH}.rollout.rollbackOnFailure": "must be true or false, got 'yes'"},
    ),
    Wrong("a propagated object without a kind", of({"apiVersion": "v1"}), {OBJECT: "has no kind; give one"}),
    Wrong("a propagated object without a name", of(described(name="")), {OBJECT: "has no metadata.name"}),
    Wrong(
        "a propagated object with a status",
        of(config_map(status={})),
        {f"{OBJECT}.status": "is written by each cluster"},
    ),
    Wrong(
        "a propagated object with a version that is none",
        of(config_map(apiVersion="apps/1")),
        {f"{OBJECT}.apiVersion": "'apps/1' is not an API version; write it as v1 or apps/v1"},
    ),
    Wrong(
        "a propagated object with a kind that is none",
        of(config_map(kind="configmaps")),
        {f"{OBJECT}.kind": "'configmaps' is not a kind; write it as in ConfigMap"},
    ),
    Wrong(
        "a propagated object of a kind that its group does not have",
        of(config_map(apiVersion="apps/v1")),
        {f"{OBJECT}.kind": "'ConfigMap' of apps/v1 is no object that clusters keep for a user; known of this group"},
    ),
    Wrong(
        "a propagated object that no cluster keeps",
        of(config_map(apiVersion="authentication.k8s.io/v1", kind="TokenReview")),
        {f"{OBJECT}.kind": "'TokenReview' of authentication.k8s.io/v1 is no object that clusters keep"},
    ),
    Wrong(
        "a propagated list",
        of(config_map(kind="ConfigMapList", items=[])),
        {f"{OBJECT}.kind": "ConfigMapList is a list of objects; give each as a resource of its own"},
    ),
    Wrong(
        "a propagated object with a name that its kind cannot have",
        of(config_map("Web")),
        {f"{OBJECT}.metadata.name": "'Web' is not a name that a ConfigMap can have"},
    ),
    Wrong(
        "a propagated Service with a name of two labels",
        of(config_map("a.b", kind="Service")),
        {f"{OBJECT}.metadata.name": "'a.b' is not a name that a Service can have"},
    ),
    Wrong(
        "propagated rights with a name that is a path",
        of(config_map("a/b", None, apiVersion="rbac.authorization.k8s.io/v1", kind="ClusterRole")),
        {f"{OBJECT}.metadata.name": "'a/b' is not a name that a ClusterRole can have"},
    ),
    Wrong(
        "a propagated object in a namespace that is none",
        of(config_map(namespace="Shop")),
        {f"{OBJECT}.metadata.namespace": "'Shop' is not the name of a namespace"},
    ),
    Wrong(
        "a propagated object with labels that are a list",
        of(described(labels=["a"])),
        {f"{OBJECT}.metadata.labels": "['a'] is no map of keys to values"},
    ),
]

CONTENTS = [
    Wrong(
        "a propagated object of a namespace in none",
        of(config_map(namespace=None)),
        {f"{OBJECT}.metadata.namespace": "missing; a ConfigMap is in a namespace, such as default"},
    ),
    Wrong(
        "a propagated object of no namespace in one",
        of(config_map(apiVersion="rbac.authorization.k8s.io/v1", kind="ClusterRole")),
        {f"{OBJECT}.metadata.namespace": "a ClusterRole is in no namespace; leave it out"},
    ),
    Wrong(
        "a propagated Secret",
        of(config_map(kind="Secret", stringData={"user": "shop"})),
        {f"{OBJECT}.stringData": "is a secret in plain text, which a stack file is no place for; create the Secret"},
        unsaid=("'shop'",),
    ),
    Wrong(
        "a propagated object among those of Kubernetes",
        of(config_map(namespace="kube-system")),
        {f"{OBJECT}.metadata.namespace": "the namespace 'kube-system' is of Kubernetes, of Istio or of the fleet"},
    ),
    Wrong(
        "a propagated object beside istiod",
        of(config_map(namespace="istio-system")),
        {f"{OBJECT}.metadata.namespace": "the namespace 'istio-system' is of Kubernetes, of Istio or of the fleet"},
    ),
    Wrong(
        "the namespace default, propagated",
        of(config_map("default", None, kind="Namespace")),
        {f"{OBJECT}.metadata.name": "the namespace 'default' is of Kubernetes"},
    ),
    Wrong(
        "a propagated object of another manager",
        of(described(labels={"app.kubernetes.io/managed-by": "Helm"})),
        {f"{OBJECT}.metadata.labels.app.kubernetes.io/managed-by": "is the fleet's own; leave it out"},
    ),
    Wrong(
        "a propagated object on a network",
        of(deployment(metadata={"labels": {"app": "web", "topology.istio.io/network": "network-east"}})),
        {
            f"{OBJECT}.spec.template.metadata.labels.topology.istio.io/network": "is set by the fleet from "
            "clusters.<name>.network"
        },
    ),
    Wrong(
        "a propagated object with what Helm reads",
        of(described(annotations={"helm.sh/hook": "post-install", "meta.helm.sh/release-name": "web"})),
        {
            f"{OBJECT}.metadata.annotations.helm.sh/hook": "is the fleet's own",
            f"{OBJECT}.metadata.annotations.meta.helm.sh/release-name": "is the fleet's own",
        },
    ),
    Wrong(
        "a propagated object with what Pulumi reads",
        of(described(annotations={"pulumi.com/skipAwait": "true"})),
        {f"{OBJECT}.metadata.annotations.pulumi.com/skipAwait": "is the fleet's own; leave it out"},
    ),
    Wrong(
        "a propagated namespace with injection",
        of(config_map("web", None, kind="Namespace") | {"metadata": {"name": "web", "labels": {"istio.io/rev": "a"}}}),
        {f"{OBJECT}.metadata.labels.istio.io/rev": "is set by the fleet; declare the namespace in namespaces for it"},
    ),
    Wrong(
        "a propagated object with a label that is none",
        of(described(labels={"team": "a b"})),
        {f"{OBJECT}.metadata.labels.team": "'a b' is not the value of a label"},
    ),
    Wrong(
        "a propagated object with an identity",
        of(described(uid="7", resourceVersion="1")),
        {
            f"{OBJECT}.metadata.resourceVersion": "is set by each cluster; leave it out",
            f"{OBJECT}.metadata.uid": "is set by each cluster; leave it out",
        },
    ),
    Wrong(
        "a propagated object that is too large",
        of(config_map(data={f"part-{number}": "a" * 250_000 for number in range(5)})),
        {OBJECT: "bytes as JSON; at most 1048576 are allowed, since etcd refuses larger objects"},
    ),
    Wrong(
        "a propagated object with too many annotations",
        of(described(annotations={"example.com/a": "a" * 200_000, "example.com/b": "b" * 80_000})),
        {f"{OBJECT}.metadata.annotations": "have 280026 bytes together; at most 229376 are allowed"},
    ),
    Wrong(
        "a definition that is called otherwise than what it defines",
        of(definition(group="store.example")),
        {f"{OBJECT}.metadata.name": "'catalogs.shop.example' is not <plural>.<group> of what it defines"},
    ),
    Wrong(
        "a definition of Istio",
        of(
            definition(group="networking.istio.io", names={"plural": "gateways", "kind": "Gateway"})
            | {"metadata": {"name": "gateways.networking.istio.io"}}
        ),
        {OBJECT: "defines a kind of networking.istio.io, which the fleet installs with Istio"},
    ),
    Wrong(
        "two propagations of one object",
        {**of(config_map()), "propagations.xyz": {"resources": [{"object": config_map()}]}},
        {
            "propagations.xyz.resources[0].object": "declares ConfigMap web in the namespace shop, as "
            f"{OBJECT} does; declare it once, and use overrides"
        },
    ),
    Wrong(
        "a propagated namespace that is declared",
        of(config_map("shop", None, kind="Namespace")),
        {OBJECT: "declares Namespace shop, as namespaces.shop does; remove one of them"},
    ),
]

SELECTORS = [
    Wrong(
        "a propagation to a cluster that is not there",
        selecting(clusterNames=["west", "wst"]),
        {f"{AFFINITY}.clusterNames[1]": "there is no cluster 'wst'; known are west, east"},
    ),
    Wrong(
        "a propagation to a cluster twice",
        selecting(clusterNames=["west", "west"]),
        {f"{AFFINITY}.clusterNames[1]": "'west' is given twice; name each once"},
    ),
    Wrong(
        "a propagation without a cluster that is not there",
        selecting(excludeClusters=["wst"]),
        {f"{AFFINITY}.excludeClusters[0]": "there is no cluster 'wst'"},
    ),
    Wrong(
        "a propagation to a provider that no cluster has",
        selecting(providers=["kind"]),
        {f"{AFFINITY}.providers[0]": "there is no cluster of the provider 'kind'; known are embedded"},
    ),
    Wrong(
        "a propagation to a region that no cluster is in",
        {**selecting(regions=["eu"]), "clusters.west.region": "us"},
        {f"{AFFINITY}.regions[0]": "there is no cluster in the region 'eu'; known are us"},
    ),
    Wrong(
        "a propagation to a zone that no cluster is in",
        selecting(zones=["eu-1"]),
        {f"{AFFINITY}.zones[0]": "there is no cluster in the zone 'eu-1'; known are none"},
    ),
    Wrong(
        "a propagation to a label that no cluster has",
        {**selecting(matchLabels={"teir": "gold"}), **LABELLED},
        {f"{AFFINITY}.matchLabels.teir": "no cluster has the label teir; known are tier"},
    ),
    Wrong(
        "a propagation to a value that no cluster's label has",
        {**selecting(matchExpressions=[{"key": "tier", "operator": "In", "values": ["gold", "lead"]}]), **LABELLED},
        {f"{AFFINITY}.matchExpressions[0]": "no cluster has the label tier with the value 'lead'; known are 'gold'"},
    ),
    Wrong(
        "a propagation that spreads over a label that no cluster has",
        of(config_map(), placement={"spreadConstraints": [{"spreadByLabel": "rack"}]}),
        {f"{PATH}.placement.spreadConstraints[0].spreadByLabel": "no cluster has the label rack; known are none"},
    ),
    Wrong(
        "an override for a cluster that is not there",
        of(config_map(), overrides=[{"targetClusters": {"clusterNames": ["wst"]}, "labels": {"set": {"a": "b"}}}]),
        {f"{PATH}.overrides[0].targetClusters.clusterNames[0]": "there is no cluster 'wst'; known are west, east"},
    ),
    Wrong(
        "a weight for a region that no cluster is in",
        of(
            deployment(),
            placement={
                "replicaScheduling": {
                    "replicaSchedulingType": "Divided",
                    "staticWeights": [{"targetClusters": {"regions": ["eu"]}, "weight": 1}],
                }
            },
        ),
        {
            f"{PATH}.placement.replicaScheduling.staticWeights[0].targetClusters.regions[0]": "there is no cluster in "
            "the region 'eu'; known are none"
        },
    ),
    Wrong(
        "a propagation to what an unreadable cluster may have",
        {**selecting(regions=["eu"]), "clusters.east.embedded": ABSENT},
        {"clusters.east": "names no provider"},
    ),
    Wrong(
        "weights that sum to zero",
        of(
            deployment(),
            placement={
                "replicaScheduling": {"replicaSchedulingType": "Divided", "staticWeights": [{"weight": 0}]},
            },
        ),
        {f"{PATH}.placement.replicaScheduling": "staticWeights sum to zero; give a cluster a weight above zero"},
    ),
    Wrong(
        "two kinds of affinity",
        of(
            config_map(),
            placement={"clusterAffinity": {}, "clusterAffinities": [{"affinityName": "a", "clusterNames": ["west"]}]},
        ),
        {f"{PATH}.placement": "has clusterAffinity and clusterAffinities; give one of them"},
    ),
    Wrong(
        "a capacity that is no quantity",
        {"clusters.west.capacity": {"cpu": "many"}},
        {"clusters.west.capacity.cpu": "'many' is not a quantity; write it as in 500m, 2 or 4Gi"},
    ),
]

FAILOVER = [
    Wrong(
        "a failover after no length of time",
        of(config_map(), failover={"after": "soon"}),
        {f"{PATH}.failover.after": "'soon' is not a length of time; write it as 90s, 5m or 1h"},
    ),
    Wrong(
        "a failover at once",
        of(config_map(), failover={"after": "0s"}),
        {f"{PATH}.failover.after": "'0s' is 0 s; give 1s at least and 720h at most"},
    ),
    Wrong(
        "a share that comes back in a year",
        of(config_map(), failover={"recover": "8760h"}),
        {f"{PATH}.failover.recover": "'8760h' is 31536000 s; give 0s at least and 720h at most"},
    ),
    Wrong(
        "a share that comes back at a whim",
        of(config_map(), failover={"recover": "sometimes"}),
        {f"{PATH}.failover.recover": "'sometimes' is not a length of time; write it as 90s, 5m or 1h"},
    ),
    Wrong(
        "an eviction in words",
        of(config_map(), failover={"evict": "Gracefully"}),
        {f"{PATH}.failover.evict": "must be true or false"},
    ),
    Wrong(
        "a failover of another product's fields",
        of(config_map(), failover={"cluster": {"purgeMode": "Gracefully"}}),
        {f"{PATH}.failover.cluster": "unknown"},
    ),
]


def ruled(*objects: Config, **rule: Any) -> dict[str, object]:
    """Changes that declare one propagation whose objects, ConfigMaps if none are given, refer to others by a rule."""
    reference = {"fieldPath": "/data/next", "apiVersion": "v1", "kind": "ConfigMap"}
    declared = {"apiVersion": "v1", "kind": "ConfigMap", "references": [reference]} | rule
    return of(*objects or (config_map(),), followDependencies=True, dependencyRules=[declared])


RULE = f"{PATH}.dependencyRules[0]"
DEPENDENCIES = [
    Wrong(
        "rules for dependencies that nothing follows",
        {f"{PATH}": {**ruled()[PATH], "followDependencies": False}},  # type: ignore[dict-item]  # what is wrong has any type
        {PATH: "has dependencyRules, which nothing follows; set followDependencies, or leave them out"},
    ),
    Wrong(
        "a placement of what goes only where others refer to it",
        of(config_map(), onlyAsDependencies=True, placement={}),
        {PATH: "has onlyAsDependencies and placement; its objects go where others do, leave placement out"},
    ),
    Wrong(
        "a failover of what goes only where others refer to it",
        of(config_map(), onlyAsDependencies=True, failover={}),
        {PATH: "has onlyAsDependencies and failover; its objects go where others do, leave failover out"},
    ),
    Wrong(
        "dependencies that are followed in words",
        of(config_map(), followDependencies="always"),
        {f"{PATH}.followDependencies": "must be true or false"},
    ),
    Wrong(
        "dependencies by the name that Karmada has for them",
        of(config_map(), propagateDeps=True),
        {f"{PATH}.propagateDeps": "unknown"},
    ),
    Wrong(
        "a rule for a kind that the propagation does not have",
        ruled(kind="Secret"),
        {RULE: "no object of the propagation is a Secret of v1; it has v1 ConfigMap"},
    ),
    Wrong(
        "a rule without references",
        ruled(references=[]),
        {f"{RULE}.references": "is empty; give a reference, or leave the rule out"},
    ),
    Wrong(
        "a rule with words for an API version and a kind",
        ruled(apiVersion="core", kind="config maps"),
        {
            f"{RULE}.apiVersion": "'core' is not an API version; write it as v1 or apps/v1",
            f"{RULE}.kind": "'config maps' is not a kind; write it as in ConfigMap",
        },
    ),
    Wrong(
        "a reference by a path that is no JSON pointer",
        ruled(references=[{"fieldPath": "data.next", "apiVersion": "v1", "kind": "ConfigMap"}]),
        {f"{RULE}.references[0].fieldPath": "'data.next' is not a JSON pointer; begin with '/'"},
    ),
    Wrong(
        "a reference that is the whole object",
        ruled(references=[{"fieldPath": "", "apiVersion": "v1", "kind": "ConfigMap"}]),
        {f"{RULE}.references[0].fieldPath": "'' is the whole object; give the field with the name"},
    ),
    Wrong(
        "a reference to a kind that its group does not have",
        ruled(references=[{"fieldPath": "/data/next", "apiVersion": "apps/v1", "kind": "ConfigMap"}]),
        {f"{RULE}.references[0].kind": "'ConfigMap' of apps/v1 is no object that clusters keep for a user; known"},
    ),
    Wrong(
        "a reference from no namespace into one",
        ruled(catalog(namespace=None), apiVersion="shop.example/v1", kind="Catalog"),
        {f"{RULE}.references[0].kind": "a ConfigMap is in a namespace, and Catalog main, which has the field, is in"},
    ),
    Wrong(
        "an affinity of workloads that groups nothing",
        of(deployment(), placement={"workloadAffinity": {}}),
        {f"{PATH}.placement.workloadAffinity": "groups nothing; give affinity, antiAffinity or both, or leave"},
    ),
    Wrong(
        "workloads that are to be together and apart",
        of(
            deployment(),
            placement={
                "workloadAffinity": {key: {"groupByLabelKey": "app.group"} for key in ("affinity", "antiAffinity")}
            },
        ),
        {f"{PATH}.placement.workloadAffinity": "affinity and antiAffinity group by the same label; use another one"},
    ),
    Wrong(
        "an affinity of workloads by a label that is none",
        of(deployment(), placement={"workloadAffinity": {"affinity": {"groupByLabelKey": "app group"}}}),
        {f"{PATH}.placement.workloadAffinity.affinity.groupByLabelKey": "'app group' is not"},
    ),
    Wrong(
        "an affinity of workloads by the fields of Kubernetes",
        of(deployment(), placement={"workloadAffinity": {"affinity": {"topologyKey": "zone"}}}),
        {
            f"{PATH}.placement.workloadAffinity.affinity.groupByLabelKey": "missing",
            f"{PATH}.placement.workloadAffinity.affinity.topologyKey": "unknown",
        },
    ),
]

PROPAGATIONS = [*SHAPES, *CONTENTS, *SELECTORS, *FAILOVER, *DEPENDENCIES]
