"""A fleet whose state the release before wrote, without a version in its status, is the same fleet to every command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from meshfleet.status import VERSION
from meshfleet.testing import FleetUnderTest, Sandbox

pytestmark = pytest.mark.proof("the status of an earlier release is upgraded", step=3)


def state_of(sandbox: Sandbox) -> Path:
    (path,) = sandbox.home.rglob(".pulumi/stacks/*/dev.json")
    return path


def exported(sandbox: Sandbox) -> dict[str, Any]:
    """The status in the state, as the engine has it."""
    resources = json.loads(state_of(sandbox).read_text(encoding="utf-8"))["checkpoint"]["latest"]["resources"]
    (stack,) = (resource for resource in resources if resource["type"] == "pulumi:pulumi:Stack")
    found: dict[str, Any] = stack["outputs"]["fleet"]
    return found


def drop_version(sandbox: Sandbox) -> None:
    path = state_of(sandbox)
    state = json.loads(path.read_text(encoding="utf-8"))
    (stack,) = (one for one in state["checkpoint"]["latest"]["resources"] if one["type"] == "pulumi:pulumi:Stack")
    del stack["outputs"]["fleet"]["version"]
    path.write_text(json.dumps(state), encoding="utf-8")


def test_status_verify_preview_and_up_go_on_with_the_state_of_the_release_before(dev_fleet: FleetUnderTest) -> None:
    sandbox = dev_fleet.sandbox
    before = sandbox.meshfleet("status", "--stack", "dev", "--json").report
    assert before["version"] == exported(sandbox)["version"] == VERSION
    drop_version(sandbox)
    assert sandbox.meshfleet("status", "--stack", "dev", "--json").report == before
    assert sandbox.meshfleet("verify", "--stack", "dev", "--check", "clusters-synced", "--json").report["ok"] is True
    assert "version" not in exported(sandbox)
    sandbox.meshfleet("preview", "--stack", "dev", "--expect-no-changes")
    assert sandbox.meshfleet("up", "--stack", "dev", "--json").report["changes"] == {}
    assert exported(sandbox)["version"] == VERSION
