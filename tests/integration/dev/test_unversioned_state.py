"""A fleet whose state the release before wrote, without a version in its status, is the same fleet to every command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from meshfleet.status import VERSION
from tests.integration.dev.fleet import DevFleet
from tests.integration.world import World

pytestmark = pytest.mark.proof("the status of an earlier release is upgraded", step=3)


def state_of(world: World) -> Path:
    (path,) = world.home.rglob(".pulumi/stacks/*/dev.json")
    return path


def exported(world: World) -> dict[str, Any]:
    """The status in the state, as the engine has it."""
    resources = json.loads(state_of(world).read_text(encoding="utf-8"))["checkpoint"]["latest"]["resources"]
    (stack,) = (resource for resource in resources if resource["type"] == "pulumi:pulumi:Stack")
    found: dict[str, Any] = stack["outputs"]["fleet"]
    return found


def drop_version(world: World) -> None:
    path = state_of(world)
    state = json.loads(path.read_text(encoding="utf-8"))
    (stack,) = (one for one in state["checkpoint"]["latest"]["resources"] if one["type"] == "pulumi:pulumi:Stack")
    del stack["outputs"]["fleet"]["version"]
    path.write_text(json.dumps(state), encoding="utf-8")


def test_status_verify_preview_and_up_go_on_with_the_state_of_the_release_before(dev_fleet: DevFleet) -> None:
    world = dev_fleet.world
    before = world.meshfleet("status", "--stack", "dev", "--json").answer
    assert before["version"] == exported(world)["version"] == VERSION
    drop_version(world)
    assert world.meshfleet("status", "--stack", "dev", "--json").answer == before
    assert world.meshfleet("verify", "--stack", "dev", "--check", "clusters-synced", "--json").answer["ok"] is True
    assert "version" not in exported(world)
    world.meshfleet("preview", "--stack", "dev", "--expect-no-changes")
    assert world.meshfleet("up", "--stack", "dev", "--json").answer["changes"] == {}
    assert exported(world)["version"] == VERSION
