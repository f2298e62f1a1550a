"""What istiod does without the right to list the Secrets of a remote cluster: why readers have that right.

These fail when Istio does better, and then the right goes: see the module `meshfleet/manifests/reader.py`.
"""

from __future__ import annotations

import json
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from meshfleet.errors import ProcessError
from meshfleet.manifests.reader import cluster_rules, system_rules
from meshfleet.manifests.remote_secrets import Peer, encoded_data, remote_kubeconfig
from meshfleet.plugins.meshfleet.istiod import IstiodHandler
from meshfleet.processes.waiting import NotYetError, wait_until
from meshfleet.topology import Fleet, load
from tests.plugins.meshfleet.conftest import FLEET, MeshCluster

pytestmark = pytest.mark.proof("readers get no more than discovery needs", step=3)

IDENTIFIER = f"{FLEET}/west/default"
ACCOUNT = "discovery"


def fleet_of(west: dict[str, Any]) -> Fleet:
    """A primary, `east`, and the cluster `west`, which it reads."""
    clusters = {"east": {"embedded": {}, "network": "east"}, "west": {"embedded": {}, "network": "west"} | west}
    return load("reading", {"host": "east", "networks": {"west": {}, "east": {}}, "clusters": clusters})


PAIR = fleet_of({})
SERVED = fleet_of({"controlPlane": {"remote": "east"}})
RULES = cluster_rules(PAIR, "west")


def role(kind: str, rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A role of the account, and its binding."""
    group, place = "rbac.authorization.k8s.io", {"namespace": "istio-system"} if kind == "Role" else {}
    subject = {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": "istio-system"}
    head = {"apiVersion": f"{group}/v1", "metadata": {"name": ACCOUNT} | place}
    reference = {"apiGroup": group, "kind": kind, "name": ACCOUNT}
    return [
        head | {"kind": kind, "rules": rules},
        head | {"kind": f"{kind}Binding", "roleRef": reference, "subjects": [subject]},
    ]


Apply = Callable[..., None]


@pytest.fixture
def apply(mesh_cluster: MeshCluster) -> Apply:
    def made(*objects: dict[str, Any]) -> None:
        path = mesh_cluster.home / "reading.json"
        path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)}), encoding="utf-8")
        mesh_cluster.kubectl("apply", "--filename", str(path))

    return made


@pytest.fixture
def reading(mesh_cluster: MeshCluster, apply: Apply) -> Iterator[str]:
    """A remote secret by which the istiod of west reads its own cluster once more, as `east`; the kubeconfig in it."""
    apply(
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": ACCOUNT, "namespace": "istio-system"}},
        *role("ClusterRole", RULES),
        *role("Role", system_rules(PAIR, "west")),
    )
    view = "jsonpath={.clusters[0].cluster.server} {.clusters[0].cluster.certificate-authority-data}"
    server, authority = mesh_cluster.kubectl("config", "view", "--raw", "-o", view).split()
    token = mesh_cluster.kubectl("create", "token", ACCOUNT, "-n", "istio-system").strip()
    head = {"name": "reading", "namespace": "istio-system", "labels": {"istio/multiCluster": "true"}}
    kubeconfig = remote_kubeconfig(Peer("east", server, authority, token))
    apply({"apiVersion": "v1", "kind": "Secret", "metadata": head, "data": encoded_data({"east": kubeconfig})})
    yield kubeconfig
    mesh_cluster.kubectl("delete", "secret", "reading", "-n", "istio-system")


Start = Callable[..., Callable[[], str]]


@pytest.fixture
def start(mesh_cluster: MeshCluster) -> Iterator[Start]:
    """Starts the istiod of west with settings; how it has synced the cluster `east`."""
    handler = IstiodHandler()
    inputs, faults = handler.check(mesh_cluster.istiod)
    assert not faults

    def started(**settings: str) -> Callable[[], str]:
        checked = inputs | {"settings": settings}
        handler.create(checked, 0)
        url = f"http://127.0.0.1:{checked['address']['httpPort']}/debug/clusterz"

        def status() -> str:
            with urllib.request.urlopen(url, timeout=10) as answer:
                found = {one["id"]: str(one["syncStatus"]) for one in json.load(answer)}
            return found.get("east", "")

        return status

    yield started
    handler.delete(IDENTIFIER, inputs, {}, 0)


def settled(status: Callable[[], str]) -> str:
    """How a cluster is synced in the end."""
    seen: list[str] = []

    def look() -> None:
        seen[:] = [status()]
        if seen == ["syncing"]:
            raise NotYetError("it is syncing")

    wait_until(look, "the end of the first synchronization", 20, "look at the log of istiod", every=0.1)
    return seen[0]


def flat(rules: list[dict[str, Any]]) -> set[tuple[str, ...]]:
    """Rules as single rights: group, resource, verb, name."""
    return {
        (group, resource, verb, name)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
        for name in rule.get("resourceNames", [""])
    }


EVERYBODY = {
    ("authorization.k8s.io", "selfsubjectaccessreviews", "create", ""),
    ("authorization.k8s.io", "selfsubjectrulesreviews", "create", ""),
    ("authentication.k8s.io", "selfsubjectreviews", "create", ""),
}
"""What every account may do: review its own rights."""


def allowed(cluster: MeshCluster, kubeconfig: str, namespace: str) -> set[tuple[str, ...]]:
    """All that the API server lets the reader do in a namespace."""
    files = cluster.home / "reader.yaml", cluster.home / "review.json"
    review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview"}
    files[0].write_text(kubeconfig, encoding="utf-8")
    files[1].write_text(json.dumps(review | {"spec": {"namespace": namespace}}), encoding="utf-8")
    command = [str(cluster.tools / "kubectl"), "--kubeconfig", str(files[0]), "create", "-f", str(files[1])]
    shown = subprocess.run([*command, "-o", "json"], check=True, capture_output=True, text=True, timeout=60).stdout
    return flat(json.loads(shown)["status"]["resourceRules"]) - EVERYBODY


@pytest.mark.parametrize("listed", [True, False], ids=["synced", "without Secrets"])
def test_an_istiod_syncs_with_the_rights_of_a_reader_and_without_that_to_list_secrets_it_does_not(
    reading: str, start: Start, apply: Apply, listed: bool
) -> None:
    if not listed:
        apply(*role("ClusterRole", [rule for rule in RULES if "secrets" not in rule["resources"]]))
    assert settled(start(PILOT_REMOTE_CLUSTER_TIMEOUT="20s" if listed else "1s")) == ("synced" if listed else "timeout")


@pytest.mark.parametrize("fleet", [PAIR, SERVED], ids=["peer", "remote"])
def test_a_reader_may_do_what_is_declared_and_nothing_else(
    fleet: Fleet, reading: str, apply: Apply, mesh_cluster: MeshCluster
) -> None:
    everywhere, system = cluster_rules(fleet, "west"), system_rules(fleet, "west")
    apply(*role("ClusterRole", everywhere), *role("Role", system))
    assert allowed(mesh_cluster, reading, "default") == flat(everywhere)
    assert allowed(mesh_cluster, reading, "istio-system") == flat(everywhere) | flat(system)


def test_the_setting_that_would_spare_the_right_ends_istiod(reading: str, start: Start) -> None:
    with pytest.raises(ProcessError, match=r"HasSynced|nil pointer"):
        start(PILOT_ENABLE_REMOTE_CREDENTIALS_CONTROLLER="false")
