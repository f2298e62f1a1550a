"""Identities on real API servers: each member gives the answers of the stack file, and none after revocation."""

from __future__ import annotations

import copy
import json
import random
import signal
import stat
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from meshfleet.federation.identities.authorizer import allowed
from meshfleet.federation.identities.policy import Request
from meshfleet.federation.identities.questions import everybody
from meshfleet.files.bounded_yaml import load_yaml
from meshfleet.identities.member import member
from meshfleet.testing import FleetUnderTest, bring_up, kill
from meshfleet.testing.conditions import settled
from meshfleet.topology import Fleet, load, read_stack_file
from tests.integration.clone import Clone

pytestmark = [
    pytest.mark.extended,
    pytest.mark.proof("users may do in each member what is declared", step=2),
]

EXAMPLE, STACK = "examples/identities", "identified"
CLUSTERS = ("paris", "dublin", "ohio")
MAY_READ = ("paris", "dublin")
CONTEXTS = (*MAY_READ, *(f"portal/{cluster}" for cluster in MAY_READ))
QUESTIONS = 500
# An API server remembers a token that it has accepted for ten seconds.
REFUSED_WITHIN = 20


@pytest.fixture(scope="module")
def config(clone: Clone) -> dict[str, Any]:
    """The example, which the tests change one after the other."""
    found: dict[str, Any] = json.loads(json.dumps(read_stack_file(clone.root / "stacks", EXAMPLE).config))
    return found


@pytest.fixture(scope="module")
def fleet(clone: Clone, config: dict[str, Any]) -> Iterator[FleetUnderTest]:
    """The example, up."""
    clone.write_stack(STACK, config)
    with clone.sandbox() as sandbox, bring_up(sandbox, STACK) as made:
        yield made


@pytest.fixture(scope="module")
def kubeconfig(fleet: FleetUnderTest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What carla works with."""
    path = tmp_path_factory.mktemp("carla") / "kubeconfig.yaml"
    report = fleet.run("kubeconfig", "carla", "--output", str(path)).report
    assert (report["ok"], report["file"], report["failed"]) == (True, str(path), {})
    assert set(report["contexts"]) == set(CONTEXTS)
    return path


def as_carla(fleet: FleetUnderTest, kubeconfig: Path, context: str, *arguments: str, expect: int | None = 0) -> str:
    """kubectl with her kubeconfig; what it prints."""
    access = ["--kubeconfig", str(kubeconfig), "--context", context]
    result = fleet.sandbox.run([fleet.sandbox.kubectl_program, *access, *arguments], expect=expect, seconds=60)
    return result.out + result.err


def content(kubeconfig: Path) -> dict[str, Any]:
    """What a kubeconfig holds."""
    found = load_yaml(kubeconfig.read_text(encoding="utf-8"), what="kubeconfig")
    assert isinstance(found, dict)
    return found


def is_nobody(answer: str) -> bool:
    """Whether kubectl was told that its token is of nobody, or by the portal that it is of nobody declared."""
    return any(text in answer for text in ("logged in", "Unauthorized", "is not declared for cluster"))


def refused_as_nobody(fleet: FleetUnderTest, kubeconfig: Path, context: str) -> bool:
    """Whether a member, or the portal, takes her token for that of nobody."""
    # For discovery kubectl shows no message of a server.
    pods = "/api/v1/namespaces/shop/pods"
    return is_nobody(as_carla(fleet, kubeconfig, context, "get", "--raw", pods, expect=None))


def differing(fleet: FleetUnderTest, declared: Fleet, seed: int, count: int) -> list[str]:
    """Random questions, each in a random member, whose answer there is not that of the stack file."""
    draw, asked_about = random.Random(seed), everybody(declared)
    found, granted = [], 0
    with ExitStack() as stack:
        members = {
            name: stack.enter_context(member(name, Path(fleet.cluster(name)["kubeconfig"]), None)) for name in CLUSTERS
        }
        for _ in range(count):
            cluster, asked, request = draw.choice(CLUSTERS), draw.choice(asked_about), question(draw)
            answer = members[cluster].allows(asked.identity, request)
            granted += answer
            if answer != allowed(declared, asked.identity, request, cluster):
                found.append(f"{asked.words} {request} in {cluster}: {answer}")
    # Questions that nobody may do tell little.
    assert granted >= count // 10
    return found


def question(draw: random.Random) -> Request:
    """A question about what the example grants, and about what is near it."""
    if draw.random() < 0.1:
        return Request(
            draw.choice(["get", "post"]), path=draw.choice(["/version", "/metrics", "/apis", "/", "/api/v1"])
        )
    resource, group = draw.choice(
        [
            *[(each, "") for each in ("pods", "pods/log", "pods/exec", "services", "configmaps", "secrets", "nodes")],
            *[(each, "") for each in ("namespaces", "serviceaccounts", "serviceaccounts/token", "users", "events")],
            *[(each, "apps") for each in ("deployments", "deployments/scale", "statefulsets", "pods")],
            *[(each, "networking.istio.io") for each in ("virtualservices", "gateways")],
            ("authorizationpolicies", "security.istio.io"),
            *[(each, "rbac.authorization.k8s.io") for each in ("roles", "rolebindings", "clusterroles")],
        ]
    )
    verbs = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection", "impersonate", "bind"]
    return Request(
        draw.choice(verbs),
        resource,
        group,
        draw.choice(["shop", "shop", "shop", "tools", "default", "kube-system", "meshfleet-users", ""]),
        draw.choice(["", "frontend", "frontend", "other"]),
    )


def test_the_kubeconfig_of_a_user_is_private_and_ends_soon(fleet: FleetUnderTest, kubeconfig: Path) -> None:
    assert stat.S_IMODE(kubeconfig.stat().st_mode) == 0o600
    found = content(kubeconfig)
    assert {one["name"] for one in found["contexts"]} == set(CONTEXTS)
    # No credential but the tokens: nothing of the administrator's.
    assert {key for one in found["users"] for key in one["user"]} == {"token"}
    assert "token" not in fleet.run("kubeconfig", "carla", "--output", str(kubeconfig)).out
    assert fleet.run("kubeconfig", "eve", expect=2).report["faults"][0]["path"] == "USER"


def test_a_user_reads_one_namespace_in_two_clusters_and_nothing_else(fleet: FleetUnderTest, kubeconfig: Path) -> None:
    for context in CONTEXTS:
        as_carla(fleet, kubeconfig, context, "get", "pods,services,configmaps,deployments", "--namespace", "shop")
        for refused in (
            ("get", "secrets", "--namespace", "shop"),
            ("get", "pods", "--namespace", "tools"),
            ("get", "pods", "--all-namespaces"),
            ("get", "nodes"),
            ("delete", "pod", "any", "--namespace", "shop"),
            ("get", "serviceaccounts", "--namespace", "meshfleet-users"),
        ):
            assert "forbidden" in as_carla(fleet, kubeconfig, context, *refused, expect=1).lower(), refused
    # A token of one member is none to another.
    paris = next(one for one in content(kubeconfig)["users"] if one["name"] == "carla@paris")
    server = fleet.kubectl("ohio", "config", "view", "--raw", "--output", "jsonpath={.clusters[0].cluster.server}").out
    answer = fleet.sandbox.run(
        [
            *[fleet.sandbox.kubectl_program, "--server", server, "--insecure-skip-tls-verify"],
            *["--token", paris["user"]["token"], "get", "pods", "--namespace", "shop"],
        ],
        expect=1,
        seconds=60,
    )
    assert is_nobody(answer.err)
    # Nor does the portal lead her to a member that nothing is bound to her in.
    elsewhere = next(one["cluster"]["server"] for one in content(kubeconfig)["clusters"] if "portal" in one["name"])
    pods = ("--server", elsewhere.rsplit("/", 1)[0] + "/ohio", "get", "--raw", "/api/v1/namespaces/shop/pods")
    assert "is not declared for cluster" in as_carla(fleet, kubeconfig, "portal/paris", *pods, expect=1)


def test_500_random_questions_have_the_declared_answers(fleet: FleetUnderTest, config: dict[str, Any]) -> None:
    assert differing(fleet, load(STACK, config), 13, QUESTIONS) == []


def test_a_right_that_nobody_declared_is_found_by_who_can_and_verify(fleet: FleetUnderTest) -> None:
    report = fleet.run("who-can", "get", "pods", "--namespace", "shop").report
    readers = {"users": ["ada", "bruno", "carla"], "serviceAccounts": ["deployer"], "differences": []}
    assert report["clusters"] == dict.fromkeys(MAY_READ, readers) | {
        "ohio": {"users": ["ada"], "serviceAccounts": ["deployer"], "differences": []}
    }
    assert "ohio" in fleet.verify("--check", "identities")["identities"]
    bind = ("create", "rolebinding", "by-hand", "--clusterrole", "view", "--serviceaccount", "meshfleet-users:carla")
    fleet.kubectl("ohio", *bind, "--namespace", "kube-system")
    answer = fleet.run("who-can", "get", "pods", "--namespace", "kube-system", "--cluster", "ohio", expect=3).report
    assert answer["clusters"]["ohio"]["differences"] == [
        {"name": "carla", "as": "system:serviceaccount:meshfleet-users:carla", "cluster": True, "declared": False}
    ]
    assert "carla" in fleet.failed_checks("--check", "identities", "--seconds", "1")["identities of ohio"]
    fleet.kubectl("ohio", "delete", "rolebinding", "by-hand", "--namespace", "kube-system")


def test_a_second_up_has_nothing_to_do_and_the_fleet_is_verified(fleet: FleetUnderTest) -> None:
    assert fleet.preview() == []
    assert fleet.drift() == []
    assert fleet.verify()["identities"] == set(CLUSTERS)


def test_a_member_that_hangs_while_rights_are_revoked_is_named_with_who_has_them_still(
    clone: Clone, fleet: FleetUnderTest, config: dict[str, Any]
) -> None:
    server = fleet.sandbox.program(fleet.name, "clusters/dublin", "kube-apiserver")
    changed = copy.deepcopy(config)
    changed["identities"]["groups"]["operators"]["users"] = []
    clone.write_stack(STACK, changed)
    kill(server, signal.SIGSTOP)
    try:
        failed = fleet.run("up", expect=1)
        asked = fleet.run("who-can", "get", "pods", "--namespace", "shop", expect=1).report
    finally:
        server.resume()
    assert "dublin: not revoked there yet: " in failed.err
    assert "'oidc:bruno@shop.example' by meshfleet:readers" in failed.err
    assert asked["clusters"]["paris"]["users"] == ["ada", "carla"]
    assert list(asked["failed"]) == ["dublin"]
    fleet.up()
    answers = fleet.run("who-can", "get", "pods", "--namespace", "shop").report["clusters"]
    assert answers["dublin"]["users"] == ["ada", "carla"]
    clone.write_stack(STACK, config)
    fleet.up()


def test_one_up_revokes_all_that_a_user_had(
    clone: Clone, fleet: FleetUnderTest, config: dict[str, Any], kubeconfig: Path
) -> None:
    changed = copy.deepcopy(config)
    changed["identities"]["groups"]["staff"]["users"] = []
    clone.write_stack(STACK, changed)
    fleet.up()
    for context in CONTEXTS:
        # Without its ServiceAccount a token is of nobody.
        assert settled(partial(refused_as_nobody, fleet, kubeconfig, context), REFUSED_WITHIN)
    report = fleet.run("who-can", "get", "pods", "--namespace", "shop").report
    users = {name: one["users"] for name, one in report["clusters"].items()}
    assert users == {"paris": ["ada", "bruno"], "dublin": ["ada", "bruno"], "ohio": ["ada"]}
    assert "nothing is bound to carla" in fleet.run("kubeconfig", "carla", expect=2).out
    assert differing(fleet, load(STACK, changed), 14, 100) == []
    del changed["identities"]
    clone.write_stack(STACK, changed)
    fleet.up()
    for cluster in CLUSTERS:
        left = fleet.get(cluster, "clusterroles,clusterrolebindings,rolebindings", "--all-namespaces")["items"]
        assert [one["metadata"]["name"] for one in left if one["metadata"]["name"].startswith("meshfleet:")] == []
        assert "meshfleet-users" not in fleet.names(cluster, "namespaces")
