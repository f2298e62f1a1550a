"""What objects refer to goes where they go, and nothing goes where nothing refers to it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshfleet.federation.dependencies import references
from meshfleet.federation.failover import placed_by
from meshfleet.federation.propagated import propagations
from meshfleet.manifests import cluster_plan
from meshfleet.manifests.propagations import document_name
from meshfleet.topology import Fleet, load
from tests.examples import up_to
from tests.federation.propagating import (
    CLUSTERS,
    RULES,
    Config,
    configured,
    deployment,
    fleet_of,
    obj,
    of,
    own,
    the,
    to,
    where,
)

pytestmark = pytest.mark.proof("what objects refer to goes where they go", step=0)

FOLLOWING: Config = {"followDependencies": True}
ONLY: Config = {"onlyAsDependencies": True}


def named(body: Config) -> set[str]:
    return {key.short for key in references(body).keys}


def test_all_that_a_pod_reads_is_found_in_each_of_its_places() -> None:
    def secret(name: str) -> Config:
        return {"secretRef": {"name": name}}

    container: Config = {
        "envFrom": [{"configMapRef": {"name": "c1"}}, secret("s1")],
        "env": [
            {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "c2", "key": "a"}}},
            {"name": "B", "valueFrom": {"secretKeyRef": {"name": "s2", "key": "a"}}},
            {"name": "C", "value": "c"},
        ],
    }
    spec: Config = {
        "serviceAccountName": "account",
        "imagePullSecrets": [{"name": "pull"}],
        "containers": [container],
        "initContainers": [{"envFrom": [secret("init")]}],
        "ephemeralContainers": [{"envFrom": [secret("ephemeral")]}],
        "volumes": [
            {"configMap": {"name": "c3"}},
            {"secret": {"secretName": "s3"}},
            {"persistentVolumeClaim": {"claimName": "claim"}},
            {
                "projected": {
                    "sources": [
                        {"configMap": {"name": "c4"}},
                        {"secret": {"name": "s4"}},
                        {"configMap": {"name": "kube-root-ca.crt"}},
                        {"serviceAccountToken": {"path": "token"}},
                    ]
                }
            },
            {"csi": {"driver": "d", "nodePublishSecretRef": {"name": "csi"}}},
            {"azureFile": {"secretName": "azure"}},
            *({kind: secret(kind.lower())} for kind in ("cephfs", "cinder", "flexVolume", "iscsi", "rbd", "scaleIO")),
            {"storageos": secret("storageos")},
            {"emptyDir": {}},
        ],
    }
    secrets = [
        *("s1", "s2", "s3", "s4", "pull", "init", "ephemeral", "csi", "azure"),
        *("cephfs", "cinder", "flexvolume", "iscsi", "rbd", "scaleio", "storageos"),
    ]
    expected = {f"Secret shop/{name}" for name in secrets} | {
        *(f"ConfigMap shop/c{number}" for number in (1, 2, 3, 4)),
        "ServiceAccount shop/account",
        "PersistentVolumeClaim shop/claim",
    }
    template = {"template": {"spec": spec}}
    for kind in ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"):
        assert named(obj(kind, "x", "apps/v1", spec=template)) == expected
    assert named(obj("Job", "x", "batch/v1", spec=template)) == expected
    assert named(obj("CronJob", "x", "batch/v1", spec={"jobTemplate": {"spec": template}})) == expected
    assert named(obj("Pod", "x", spec=spec)) == expected
    # As those of Argo have it.
    assert named(obj("Rollout", "x", "argoproj.io/v1alpha1", spec=template)) == expected
    claims = {"volumeClaimTemplates": [{"metadata": {"name": "claim"}}]}
    assert expected - named(obj("StatefulSet", "x", "apps/v1", spec=template | claims)) == {
        "PersistentVolumeClaim shop/claim"
    }


@pytest.mark.parametrize("wrong", [None, 3, "x", [], [None, "x", [3]], {"name": {"a": "b"}}, [{"name": ["c"]}]])
def test_a_pod_of_a_wrong_shape_refers_to_nothing(wrong: Any) -> None:
    spec = {"containers": [{"env": wrong, "envFrom": wrong}, wrong], "volumes": wrong, "imagePullSecrets": wrong}
    account = {"serviceAccountName": "default"} if isinstance(wrong, str) else {"serviceAccountName": wrong}
    assert not named(obj("Pod", "x", spec=spec | account)) - {"Secret shop/x"}
    ingress = obj("Ingress", "x", "networking.k8s.io/v1", spec={"tls": wrong})
    assert named(ingress) == set()


def test_an_ingress_refers_to_the_secrets_of_its_certificates() -> None:
    tls = [{"hosts": ["a.example"], "secretName": "a"}, {"hosts": ["b.example"]}]
    assert named(obj("Ingress", "x", "networking.k8s.io/v1", spec={"tls": tls})) == {"Secret shop/a"}


def test_what_is_referred_to_goes_along_in_addition_to_its_own_placement() -> None:
    fleet = fleet_of(
        web=of(deployment("web", "both", "only"), **to("a", "b"), **FOLLOWING),
        own=of(obj("ConfigMap", "both"), obj("ConfigMap", "other"), **to("c")),
        only=of(obj("ConfigMap", "only"), obj("ConfigMap", "unread"), **ONLY),
    )
    assert where(fleet) == {
        "web": {"a", "b"},
        "both": {"a", "b", "c"},
        "other": {"c"},
        "only": {"a", "b"},
        "unread": set(),
    }
    assert the(fleet, "both").follows == {"a": ("Deployment shop/web",), "b": ("Deployment shop/web",)}
    assert the(fleet, "both").decision.clusters == ("a", "b", "c")
    assert the(fleet, "unread").decision.left_out == dict.fromkeys(CLUSTERS, "nothing there refers to it")
    assert propagations(fleet).faults == ()


def test_a_follower_has_the_overrides_of_its_own_propagation() -> None:
    labels = [{"targetClusters": {"clusterNames": ["b"]}, "labels": {"set": {"near": "b"}}}]
    fleet = fleet_of(
        web=of(deployment("web", "read"), **FOLLOWING), read=of(obj("ConfigMap", "read"), overrides=labels, **to("a"))
    )
    assert {name: copy.body["metadata"].get("labels") for name, copy in the(fleet, "read").copies.items()} == {
        "a": None,
        "b": {"near": "b"},
        "c": None,
    }


def test_a_taint_does_not_stop_what_follows() -> None:
    config = configured(
        web=of(deployment("web", "read"), placement={"clusterTolerations": [{"operator": "Exists"}]}, **FOLLOWING),
        read=of(obj("ConfigMap", "read")),
    )
    config["clusters"]["b"]["taints"] = [{"key": "trial", "effect": "NoExecute"}]
    assert where(load("x", config))["read"] == {"a", "b", "c"}


def test_an_override_that_changes_a_reference_changes_what_follows() -> None:
    patch = [{"op": "replace", "path": "/spec/template/spec/containers/0/envFrom/0/configMapRef/name", "value": "far"}]
    overrides = [{"targetClusters": {"clusterNames": ["c"]}, "json": patch}]
    fleet = fleet_of(
        web=of(deployment("web", "near"), overrides=overrides, **FOLLOWING),
        read=of(obj("ConfigMap", "near"), obj("ConfigMap", "far"), **ONLY),
    )
    assert where(fleet) == {"web": {"a", "b", "c"}, "near": {"a", "b"}, "far": {"c"}}


def test_a_workload_that_follows_runs_with_all_its_replicas() -> None:
    fleet = fleet_of(
        main=of(own("main"), followDependencies=True, dependencyRules=_to_deployments(), **to("b")),
        web=of(deployment("web"), **to("a")),
    )
    assert where(fleet)["web"] == {"a"}
    config = own("main", "web")
    fleet = fleet_of(
        main=of(config, followDependencies=True, dependencyRules=_to_deployments(), **to("b")),
        web=of(deployment("web", "read"), **to("a")),
        read=of(obj("ConfigMap", "read"), **ONLY),
    )
    assert the(fleet, "web").replicas == {"a": 2, "b": 2}
    # In a the Deployment is by itself, and its own propagation follows nothing.
    assert where(fleet)["read"] == {"b"}


def _to_deployments() -> list[Config]:
    reference = {"fieldPath": "/spec/owns/*", "apiVersion": "apps/v1", "kind": "Deployment"}
    return [RULES[0] | {"references": [reference]}]


def test_a_kind_in_no_namespace_is_found_by_its_name_alone() -> None:
    reference = {"fieldPath": "/spec/owns/0", "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass"}
    of_own = {"fieldPath": "/spec/owns/1", "apiVersion": "own.example/v1", "kind": "Wide"}
    fleet = fleet_of(
        main=of(
            own("main", "fast", "wide"),
            followDependencies=True,
            dependencyRules=[RULES[0] | {"references": [reference, of_own]}],
            **to("b"),
        ),
        classes=of(
            obj("StorageClass", "fast", "storage.k8s.io/v1", None), obj("Wide", "wide", "own.example/v1", None), **ONLY
        ),
    )
    assert where(fleet) == {"main": {"b"}, "fast": {"b"}, "wide": {"b"}}


def test_a_reference_to_what_is_not_declared_is_a_note() -> None:
    fleet = fleet_of(web=of(deployment("web", "missing"), deployment("shop", "missing"), **FOLLOWING))
    assert propagations(fleet).notes == (
        "Deployment shop/shop, Deployment shop/web refer to ConfigMap shop/missing, which no propagation declares",
    )
    assert propagations(fleet).faults == ()


def test_objects_come_after_what_they_refer_to_across_propagations_and_tiers() -> None:
    fleet = fleet_of(
        web=of(deployment("web", "read"), own("late", "early"), **FOLLOWING, dependencyRules=[*RULES]),
        main=of(own("main", "web"), obj("ConfigMap", "beside"), **FOLLOWING, dependencyRules=_to_deployments()),
        read=of(obj("ConfigMap", "read"), own("early"), **ONLY),
    )
    plan = [one for one in cluster_plan(fleet, "a") if one.section.name == "propagations"]
    name = {one.key.name: document_name(one.propagation, one.key) for one in propagations(fleet).objects}
    after = {one.name: one.after for one in plan}
    assert name["read"] in after[name["web"]]
    assert name["early"] in after[name["late"]]
    # A custom resource comes before pods, but for those that it refers to.
    assert name["web"] in after[name["main"]]
    assert name["late"] in after[name["web"]]


NAMES = tuple(f"o{number}" for number in range(6))
PLACES = st.lists(st.sampled_from(CLUSTERS), min_size=1, unique=True)


@st.composite
def declared(draw: st.DrawFn) -> dict[str, Config]:
    """Objects that refer to later ones of a random order, one of them to another one in one cluster."""
    order = draw(st.permutations(NAMES))
    found: dict[str, Config] = {}
    for at, name in enumerate(order):
        later = st.lists(st.sampled_from(order[at + 1 :]), unique=True, max_size=2) if at < 5 else st.just([])
        owns, more = draw(later), draw(later)
        body = of(own(name, *owns), dependencyRules=[*RULES])
        body |= ONLY if draw(st.booleans()) else to(*draw(PLACES)) | {"followDependencies": draw(st.booleans())}
        if not body.get("followDependencies") and not body.get("onlyAsDependencies"):
            del body["dependencyRules"]
        if more:
            override = {"op": "replace", "path": "/spec/owns", "value": more}
            body["overrides"] = [
                {"targetClusters": {"clusterNames": [draw(st.sampled_from(CLUSTERS))]}, "json": [override]}
            ]
        found[name] = body
    return found


def expected(config: dict[str, Config]) -> dict[str, set[str]]:
    """Where each object has to be, cluster by cluster."""
    found: dict[str, set[str]] = {name: set() for name in config}
    for cluster in CLUSTERS:
        placed = {name for name, one in config.items() if cluster in _placed(one)}
        followed = {name for name in placed if config[name].get("followDependencies")}
        while more := {to for name in followed for to in _owns(config[name], cluster)} - followed:
            followed |= more
        for name in placed | followed:
            found[name].add(cluster)
    return found


def _placed(one: Config) -> list[str]:
    names: list[str] = one.get("placement", {}).get("clusterAffinity", {}).get("clusterNames", [])
    return names


def _owns(one: Config, cluster: str) -> list[str]:
    if "dependencyRules" not in one:
        return []
    owns: list[str] = one["resources"][0]["object"]["spec"]["owns"]
    for override in one.get("overrides", []):
        if cluster in override["targetClusters"]["clusterNames"]:
            owns = override["json"][0]["value"]
    return owns


@given(declared(), st.permutations(NAMES))
@up_to(60)
def test_exactly_what_is_referred_to_follows_in_any_order_of_propagations(
    config: dict[str, Config], order: list[str]
) -> None:
    fleet = fleet_of(**config)
    assert where(fleet) == expected(config)
    assert propagations(fleet).faults == ()
    other = fleet_of(**{name: config[name] for name in order})
    for name in NAMES:
        one, same = the(fleet, name), the(other, name)
        assert (one.copies, one.follows, one.requires) == (same.copies, same.follows, same.requires)
    for cluster in CLUSTERS:
        seen: set[str] = set()
        for document in cluster_plan(fleet, cluster):
            assert not {each for each in document.after if each.startswith("propagation-")} - seen
            seen.add(document.name)
        for one in propagations(fleet).of(cluster):
            assert {key.name for key in one.requires.get(cluster, ())} <= {
                each.key.name for each in propagations(fleet).of(cluster)
            }


def test_a_share_that_moves_takes_what_it_reads_along() -> None:
    order = [{"affinityName": f"in-{name}", "clusterNames": [name]} for name in ("b", "c")]
    fleet = fleet_of(
        web=of(deployment("web", "read"), placement={"clusterAffinities": order}, failover={}, **FOLLOWING),
        read=of(obj("ConfigMap", "read"), **ONLY),
    )
    lost = {"web": {"b": "now"}}
    after: Fleet = placed_by(fleet, lost)
    held = placed_by(fleet, lost, {})
    assert [where(each)["read"] for each in (fleet, held, after)] == [{"b"}, {"b", "c"}, {"c"}]
    assert the(held, "read").follows == dict.fromkeys(("b", "c"), ("Deployment shop/web",))
    assert [where(each)["web"] for each in (fleet, held, after)] == [{"b"}, {"b", "c"}, {"c"}]
