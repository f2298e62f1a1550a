"""A cluster gets a control plane of its own in place of its primary's, and gives it up again, in place."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from meshfleet.manifests.namespaces import CONTROL_PLANES
from meshfleet.testing import Istiod, Sandbox, settled, small_fleet
from tests.integration.clone import Clone
from tests.integration.fleets.observer import trusts

STACK = "moved"
PRIMARY, BRANCH, ANNEX = "primary", "branch", "annex"

pytestmark = [
    pytest.mark.extended,
    pytest.mark.proof("a cluster moves from its primary's control plane to its own and back, in place", step=3),
]


@pytest.fixture(scope="module")
def shared(clone: Clone) -> Iterator[Sandbox]:
    """A fleet of a primary and its remote, with a workload there; the tests change it one after another."""
    with clone.sandbox() as sandbox:
        up(sandbox, BRANCH)
        deployment = ("create", "deployment", "web", "--image=probe.invalid/none")
        sandbox.kubectl(STACK, BRANCH, "--namespace", "sample", *deployment)
        yield sandbox
        sandbox.meshfleet("destroy", "--stack", STACK, "--yes")
        assert sandbox.remains(STACK) == []


def up(sandbox: Sandbox, *remotes: str, own: tuple[str, ...] = ()) -> None:
    """Bring up the primary with these remotes, and these with a control plane of their own; all of it holds then."""
    config = small_fleet(PRIMARY, *own, *remotes)
    for name in remotes:
        config["clusters"][name]["controlPlane"] = {"remote": PRIMARY}
    sandbox.write_stack(STACK, config)
    sandbox.meshfleet("up", "--stack", STACK, "--json")
    sandbox.meshfleet("status", "--stack", STACK, "--json")
    assert sandbox.meshfleet("drift", "--stack", STACK, "--json").report["drift"] == []
    assert sandbox.meshfleet("preview", "--stack", STACK, "--expect-no-changes", "--json").report["changes"] == []
    assert sandbox.meshfleet("verify", "--stack", STACK, "--json").report["ok"]
    for name in (PRIMARY, *own):
        assert reads(sandbox, name) == dict.fromkeys((PRIMARY, *own, *remotes), "synced")


def istiod(sandbox: Sandbox, cluster: str) -> psutil.Process:
    return sandbox.program(STACK, f"istiods/{cluster}.default", "pilot-discovery")


def ports(sandbox: Sandbox, cluster: str) -> dict[str, int]:
    return dict(sandbox.reservations()[f"{STACK}/istiod/{cluster}/default"])


def reads(sandbox: Sandbox, cluster: str) -> dict[str, str]:
    return Istiod.on_port(cluster, ports(sandbox, cluster)["http"]).sync()


def served_by(sandbox: Sandbox, cluster: str) -> None:
    """The webhooks of the branch lead to the istiod of `cluster`, are trusted, and inject what is new."""
    port = ports(sandbox, cluster)["https"]
    kinds = ["mutatingwebhookconfigurations"] + (["validatingwebhookconfigurations"] if cluster == BRANCH else [])
    for webhook in hooks(sandbox, *kinds):
        client = webhook["clientConfig"]
        assert client["url"].startswith(f"https://localhost:{port}/")
        assert trusts(base64.b64decode(client["caBundle"]).decode(), port)
        assert webhook["failurePolicy"] == "Fail"
    sandbox.kubectl(STACK, BRANCH, "--namespace", "sample", "delete", "pod", "--all", "--wait=false")
    assert settled(lambda: injected(sandbox), 60)


def hooks(sandbox: Sandbox, *kinds: str) -> list[dict[str, Any]]:
    """The webhooks of these kinds that Istio has in the branch."""
    found = sandbox.get(STACK, BRANCH, ",".join(kinds))["items"]
    return [webhook for one in found for webhook in one["webhooks"]]


def injected(sandbox: Sandbox) -> bool:
    """Whether the branch has a new workload, and a sidecar in it."""
    pods = sandbox.get(STACK, BRANCH, "pods", "--namespace", "sample")["items"]
    new = [pod["metadata"] for pod in pods if not pod["metadata"].get("deletionTimestamp")]
    return bool(new) and all("sidecar.istio.io/status" in pod.get("annotations", {}) for pod in new)


def trusted_in_a_new_namespace(sandbox: Sandbox, name: str) -> bool:
    """Whether somebody leads in the branch, who gives a new namespace what its workloads trust."""
    sandbox.kubectl(STACK, BRANCH, "create", "namespace", name)
    get = ("get", "configmap", "istio-ca-root-cert", "--namespace", name)
    return settled(lambda: sandbox.kubectl(STACK, BRANCH, *get, expect=None).code == 0, 60)


def remote(sandbox: Sandbox) -> None:
    """The branch has nothing of a control plane of its own any more, and the primary's serves it."""
    assert istiod(sandbox, PRIMARY).environ()["EXTERNAL_ISTIOD"] == "true"
    assert not (sandbox.home / "fleets" / STACK / "istiods" / f"{BRANCH}.default").exists()
    assert f"{STACK}/istiod/{BRANCH}/default" not in sandbox.reservations()
    system = ("--namespace", "istio-system")
    assert sandbox.kubectl(STACK, BRANCH, "get", "secret", "cacerts", *system, expect=1)
    assert hooks(sandbox, "validatingwebhookconfigurations") == []
    assert sandbox.get(STACK, BRANCH, "clusterportforwards")["items"] == []
    notes = sandbox.get(STACK, BRANCH, "namespace", "istio-system")["metadata"]["annotations"]
    assert notes[CONTROL_PLANES] == PRIMARY
    # Whoever asks for the Service is led to the gateway of the primary, and nowhere else.
    (gateway,) = sandbox.get(STACK, PRIMARY, "service", "istio-eastwestgateway", *system)["status"]["loadBalancer"][
        "ingress"
    ]
    slices = sandbox.get(STACK, BRANCH, "endpointslices", "-l", "kubernetes.io/service-name=istiod", *system)["items"]
    found = [address for one in slices for endpoint in one["endpoints"] or [] for address in endpoint["addresses"]]
    assert found == [gateway["ip"]]
    served_by(sandbox, PRIMARY)


def own(sandbox: Sandbox) -> None:
    """The branch has a control plane of its own, which alone serves it."""
    system = ("--namespace", "istio-system")
    assert sandbox.get(STACK, BRANCH, "secret", "cacerts", *system)["data"]
    assert CONTROL_PLANES not in sandbox.get(STACK, BRANCH, "namespace", "istio-system")["metadata"].get(
        "annotations", {}
    )
    slices = sandbox.get(STACK, BRANCH, "endpointslices", "-l", "kubernetes.io/service-name=istiod", *system)["items"]
    assert [one["metadata"]["name"] for one in slices if one["metadata"]["name"] == "istiod"] == []
    assert istiod(sandbox, BRANCH).is_running()
    served_by(sandbox, BRANCH)


def test_a_remote_gets_a_control_plane_of_its_own(shared: Sandbox) -> None:
    remote(shared)
    up(shared, own=(BRANCH,))
    own(shared)
    assert "EXTERNAL_ISTIOD" not in istiod(shared, PRIMARY).environ()
    assert trusted_in_a_new_namespace(shared, "under-its-own")


def test_it_gives_it_up_again(shared: Sandbox) -> None:
    up(shared, BRANCH)
    remote(shared)
    assert trusted_in_a_new_namespace(shared, "remote-again")


def test_both_ways_while_the_primary_serves_another_one_and_so_goes_on_running(shared: Sandbox) -> None:
    up(shared, ANNEX, own=(BRANCH,))
    before = istiod(shared, PRIMARY)
    own(shared)
    up(shared, BRANCH, ANNEX)
    remote(shared)
    assert trusted_in_a_new_namespace(shared, "served-beside-another")
    assert istiod(shared, PRIMARY) == before
