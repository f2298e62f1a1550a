"""Istio goes from one revision to the next over a primary and its remote, stage by stage, and back again."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any

import pytest

from meshfleet.testing import Sandbox, settled, small_fleet
from tests.integration.clone import Clone

STACK = "upgraded"
PRIMARY, REMOTE = "1st-primary", "2nd-branch"
BLUE, GREEN = "1-31-0", "1-32-0"
CLUSTERS = (PRIMARY, REMOTE)

pytestmark = [
    pytest.mark.extended,
    pytest.mark.proof("an upgrade by revision is walked stage by stage across clusters, and back", step=3),
    pytest.mark.proof("names by RFC 1123, also those that begin with a digit", step=3),
]


def declare(sandbox: Sandbox, revision: str, *installed: str, **istio: Any) -> None:
    """Write the stack file: workloads on `revision`, and these revisions side by side."""
    config = small_fleet(*CLUSTERS)
    config["clusters"][REMOTE]["controlPlane"] = {"remote": PRIMARY}
    config["istio"] = {"revision": revision, "revisions": {name: {} for name in installed}, "tags": ["prod"], **istio}
    sandbox.write_stack(STACK, config)


def istiods(sandbox: Sandbox) -> set[str]:
    """The revisions of which an istiod runs."""
    return {place.name.partition(".")[2] for place in (sandbox.home / "fleets" / STACK / "istiods").iterdir()}


def injected(sandbox: Sandbox, cluster: str, namespace: str) -> set[str]:
    """The revisions that the pods of a namespace were injected by."""
    pods = sandbox.get(STACK, cluster, "pods", "--namespace", namespace)["items"]
    notes = [pod["metadata"].get("annotations", {}) for pod in pods if not pod["metadata"].get("deletionTimestamp")]
    return {note["istio.io/rev"] for note in notes if "sidecar.istio.io/status" in note}


def comes_to(sandbox: Sandbox, cluster: str, namespace: str, revision: str) -> bool:
    """Whether all pods of a namespace are on a revision, within a minute."""
    return settled(lambda: injected(sandbox, cluster, namespace) == {revision}, 60)


def restart(sandbox: Sandbox) -> None:
    """Give the workloads of both clusters new pods."""
    for cluster in CLUSTERS:
        sandbox.kubectl(STACK, cluster, "--namespace", "sample", "rollout", "restart", "deployment", "web")


def holds(sandbox: Sandbox) -> None:
    """The fleet is verified, and there is nothing left to do."""
    assert sandbox.meshfleet("verify", "--stack", STACK, "--json").report["ok"]
    assert sandbox.meshfleet("preview", "--stack", STACK, "--expect-no-changes", "--json").report["changes"] == []


@pytest.fixture(scope="module")
def shared(clone: Clone) -> Iterator[Sandbox]:
    """A fleet on the revision BLUE, with a workload in each cluster; the tests change it one after another."""
    with clone.sandbox() as sandbox:
        declare(sandbox, BLUE, BLUE)
        sandbox.meshfleet("up", "--stack", STACK, "--json")
        sandbox.meshfleet("status", "--stack", STACK, "--json")
        for cluster in CLUSTERS:
            deployment = ("create", "deployment", "web", "--image=probe.invalid/none")
            sandbox.kubectl(STACK, cluster, "--namespace", "sample", *deployment)
            assert comes_to(sandbox, cluster, "sample", BLUE)
        yield sandbox
        sandbox.meshfleet("destroy", "--stack", STACK, "--yes")
        assert sandbox.remains(STACK) == []


def test_a_canary_comes_beside_and_takes_gateways_tags_and_namespaces_in_turn(shared: Sandbox) -> None:
    declare(shared, GREEN, BLUE, GREEN)
    preview = shared.meshfleet("preview", "--stack", STACK, "--json").report
    assert preview["stages"] == [f"{GREEN} beside {BLUE}", f"gateways on {GREEN}", f"tags and namespaces on {GREEN}"]
    command = shared.start("up", "--stack", STACK)
    command.wait_for(lambda heard: any("stage 2 of 3" in line for line in heard))
    # The canary is there, and nothing is on it yet.
    assert istiods(shared) == {BLUE, GREEN}
    for cluster in CLUSTERS:
        assert injected(shared, cluster, "istio-system") <= {BLUE, GREEN}
    assert command.end() == 0, command.text
    for cluster in CLUSTERS:
        tag = shared.get(STACK, cluster, "mutatingwebhookconfiguration", "istio-revision-tag-prod")
        assert tag["metadata"]["labels"]["istio.io/rev"] == GREEN
        namespace = shared.get(STACK, cluster, "namespace", "sample")
        # The label of the namespace is the tag's name, before and after.
        assert namespace["metadata"]["labels"]["istio.io/rev"] == "prod"
        assert comes_to(shared, cluster, "istio-system", GREEN)
        assert injected(shared, cluster, "sample") == {BLUE}
    holds(shared)


def test_the_way_back_takes_workloads_and_gateways_to_the_revision_they_came_from(shared: Sandbox) -> None:
    declare(shared, BLUE, BLUE, GREEN)
    answer = shared.meshfleet("up", "--stack", STACK, "--json").report
    assert [stage["name"] for stage in answer["stages"]] == [f"gateways on {BLUE}", f"tags and namespaces on {BLUE}"]
    for cluster in CLUSTERS:
        assert comes_to(shared, cluster, "istio-system", BLUE)
    holds(shared)


def test_a_killed_upgrade_goes_on_and_the_old_revision_stays_until_nothing_is_on_it(shared: Sandbox) -> None:
    declare(shared, GREEN, GREEN)
    told = shared.start("up", "--stack", STACK)
    told.wait_for(lambda heard: any("east-west-gateway changed" in line for line in heard))
    told.process.kill()
    assert told.end() == -signal.SIGKILL
    assert istiods(shared) == {BLUE, GREEN}

    told = shared.start("up", "--stack", STACK)
    told.wait_for(lambda heard: any(f"{BLUE} removed" in line for line in heard))
    # It waits: the workloads were injected by blue, whose istiod still answers them.
    assert istiods(shared) == {BLUE, GREEN}
    restart(shared)
    assert told.end() == 0, told.text
    stages = [line.partition(": ")[2].strip() for line in told.lines if line.startswith("stage ")]
    assert stages == [f"gateways on {GREEN}", f"tags and namespaces on {GREEN}", f"{BLUE} removed"]
    assert istiods(shared) == {GREEN}
    for cluster in CLUSTERS:
        assert injected(shared, cluster, "sample") == {GREEN}
        webhooks = shared.get(STACK, cluster, "mutatingwebhookconfigurations")["items"]
        assert {hook["metadata"]["labels"]["istio.io/rev"] for hook in webhooks} == {GREEN}
        # What workloads trust was there all along.
        assert shared.get(STACK, cluster, "configmap", "istio-ca-root-cert", "--namespace", "sample")["data"]
    holds(shared)
