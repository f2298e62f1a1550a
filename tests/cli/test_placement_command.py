"""`placement`: where each object goes and why not elsewhere, without an engine or a cluster."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from meshfleet.cli.placement import placement_of
from meshfleet.manifests.addition_faults import checked
from meshfleet.redaction.secret_text import HIDDEN
from meshfleet.topology import load
from tests.automation.stack_files import Command, write_stack
from tests.sources.projects import config

pytestmark = pytest.mark.proof("propagated objects go where their placement says", step=0)

STACK = "examples/federation"


def object_of(version: str, kind: str) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": "web", "namespace": "shop"}}


def answer(meshfleet: Command, stack: str = STACK) -> dict[str, Any]:
    result = meshfleet("placement", "--stack", stack, "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    found: dict[str, Any] = json.loads(result.stdout)
    return found


@pytest.mark.tools
def test_each_object_is_shown_with_its_clusters_and_replicas(meshfleet: Command) -> None:
    found = answer(meshfleet)
    assert (found["ok"], found["stack"]) == (True, STACK)
    clusters = {(one["kind"], one["name"]): one["clusters"] for one in found["objects"]}
    assert clusters["Deployment", "frontend"] == {"paris": {"replicas": 6}, "dublin": {"replicas": 3}}
    assert clusters["ConfigMap", "settings"] == {"paris": {}, "dublin": {}, "ohio": {}}
    follows = {"follows": ["Deployment shop/frontend"]}
    assert clusters["ConfigMap", "texts"] == {"paris": follows, "dublin": follows}
    # As many as the override says, which takes no part in dividing them.
    assert clusters["Deployment", "frontend-next"] == {"ohio": {"replicas": 1}}


@pytest.mark.tools
def test_each_cluster_that_is_left_out_has_a_reason(meshfleet: Command) -> None:
    for one in answer(meshfleet)["objects"]:
        assert {*one["clusters"], *one["leftOut"]} == {"paris", "dublin", "ohio"}
        assert all(one["leftOut"].values())
    frontend = next(one for one in answer(meshfleet)["objects"] if one["name"] == "frontend")
    assert frontend["leftOut"] == {"ohio": "label tier is trial, not production"}


@pytest.mark.tools
def test_each_override_is_a_diff_of_the_objects_that_it_changes(meshfleet: Command) -> None:
    changed = {one["name"]: one["overrides"] for one in answer(meshfleet)["objects"] if one["overrides"]}
    assert {name: [(one["path"], one["clusters"]) for one in found] for name, found in changed.items()} == {
        "settings": [("propagations.settings.overrides[0]", ["ohio"])],
        "main": [("propagations.settings.overrides[1]", ["ohio"])],
        "frontend": [("propagations.frontend.overrides[0]", ["dublin", "paris"])],
        "frontend-next": [("propagations.trial.overrides[0]", ["ohio"])],
    }
    (registry,) = changed["frontend"]
    lines = registry["diff"].splitlines()
    assert [line for line in lines if line.startswith(("-", "+"))] == [
        "-        image: registry.example/shop/frontend:1.4",
        "+        image: eu.registry.example/shop/frontend:1.4",
    ]
    # A text of several lines is compared line by line.
    (settings,) = changed["settings"]
    assert "-    currency: EUR" in settings["diff"].splitlines()
    assert "+    currency: USD" in settings["diff"].splitlines()


@pytest.mark.parametrize("secret", ["hunter2", "it's me", 'say "so"', "a first line\nand a second\n", "ünlikely"])
@pytest.mark.parametrize("name", ["DB_PASSWORD", "apiToken", "client-secret", "API_KEY"])
def test_a_diff_does_not_repeat_what_is_secret_by_its_name(name: str, secret: str) -> None:
    pod = {"spec": {"containers": [{"name": "app", "image": "web:1"}]}}
    deployment = object_of("apps/v1", "Deployment") | {"spec": {"template": pod}}
    overrides = [{"env": [{"set": {name: secret, "COLOUR": "green"}}]}, {"annotations": {"set": {name: "another-1"}}}]
    found = placement_of(checked(load("dev", config({"object": deployment}, overrides=overrides))))
    diffs = "\n".join(change["diff"] for one in found for change in one["overrides"])
    assert "value: green" in diffs
    assert HIDDEN in diffs
    assert all(line not in diffs for line in (*secret.splitlines(), secret.replace('"', '\\"'), "another-1"))


def test_what_only_says_where_a_secret_is_stays_in_a_diff() -> None:
    body = object_of("v1", "ConfigMap")
    overrides = [{"annotations": {"set": {"secretName": "keys", "token-ttl": "5 minutes", "PASSWORD_FILE": "/run/a"}}}]
    found = placement_of(checked(load("dev", config({"object": body}, overrides=overrides))))
    (change,) = found[0]["overrides"]
    assert all(value in change["diff"] for value in ("keys", "5 minutes", "/run/a"))


@pytest.mark.tools
def test_people_read_lines_on_standard_error(meshfleet: Command) -> None:
    result = meshfleet("placement", "--stack", STACK)
    assert (result.exit_code, result.stdout) == (0, "")
    lines = [line.rstrip() for line in result.stderr.splitlines()]
    place = lines.index("frontend: Deployment frontend in shop")
    assert lines[place + 1 : place + 5] == [
        "  dublin: 3 replicas",
        "  paris: 6 replicas",
        "  not in ohio: label tier is trial, not production",
        "  propagations.frontend.overrides[0] in dublin, paris:",
    ]
    assert "    +        image: eu.registry.example/shop/frontend:1.4" in lines
    place = lines.index("texts: ConfigMap texts in shop")
    assert lines[place + 1 : place + 4] == [
        "  dublin, follows Deployment shop/frontend",
        "  paris, follows Deployment shop/frontend",
        "  not in ohio: nothing there refers to it",
    ]


def test_a_stack_without_propagations_says_so(meshfleet: Command) -> None:
    assert "the stack has no propagations" in meshfleet("placement", "--stack", "dev").stderr
    assert answer(meshfleet, "dev")["objects"] == []


def test_a_placement_that_places_nothing_exits_2_with_the_reason(meshfleet: Command, stacks: Path) -> None:
    config = {
        "networks": {"n": {}},
        "clusters": {
            "west": {"embedded": {}, "network": "n", "taints": [{"key": "trial", "effect": "NoSchedule"}]},
        },
        "propagations": {
            "web": {
                "resources": [
                    {
                        "object": {
                            "apiVersion": "v1",
                            "kind": "ConfigMap",
                            "metadata": {"name": "web", "namespace": "default"},
                        }
                    }
                ]
            }
        },
    }
    write_stack(stacks, "small", config)
    for command in ("placement", "validate"):
        result = meshfleet(command, "--stack", "small")
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.strip() == (
            "propagations.web.resources[0].object: cannot be placed: no cluster is eligible "
            "(west: taint trial:NoSchedule is not tolerated)"
        )
