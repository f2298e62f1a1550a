"""`verify` of clusters that a user has, where istiods and proxies are pods: what it finds, and what they deny it.

Two clusters of kind, each on a network of its own, in one mesh with strict mutual TLS.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from meshfleet.containers.engine import Engine
from meshfleet.containers.images import Images
from meshfleet.testing import FleetUnderTest
from meshfleet.toolchain import Toolchain
from meshfleet.verification import ALL, FleetView, Report, run
from meshfleet.verification.checks import named
from tests.integration.clone import Clone, make_clone
from tests.kind.clusters_of_ones_own import OwnCluster, own_cluster
from tests.verification.checks_by_fleet import OF_ONE_SECTION, verifier_role

pytestmark = pytest.mark.proof("verification where istiod and proxies are pods", step=5)

NAMES = ("hub", "shop")
# The two that are named here are about embedded clusters.
NOT_HERE = OF_ONE_SECTION | {"loopback-ports", "node-objects"}
EXECUTED = {
    *("clusters-synced", "network-gateways", "mesh-config", "endpoint-shards", "endpoints-as-declared"),
    *("proxies-synced", "traffic-reach", "traffic-refused", "traffic-wire"),
}
SETTINGS = {"PILOT_ENABLE_METADATA_EXCHANGE": "false", "PILOT_ENABLE_ALPN_FILTER": "false"}


@pytest.fixture(scope="module")
def clone() -> Iterator[Clone]:
    """A fresh clone."""
    folder = Path(tempfile.mkdtemp(prefix="mf-"))
    try:
        yield make_clone(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def clusters(
    engine: Engine, images: Images, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, OwnCluster]]:
    """The clusters, which outlive the fleet."""
    folder = tmp_path_factory.mktemp("clusters")
    with ExitStack() as stack:
        # Side by side, as a fleet of the stack has them.
        entered = stack.enter_context(ThreadPoolExecutor()).map(
            lambda one: stack.enter_context(own_cluster(engine, images, folder, *one)),
            zip(NAMES, (66, 67), strict=True),
        )
        yield {one.name: one for one in entered}


@pytest.fixture(scope="module")
def fleet(
    clone: Clone, clusters: dict[str, OwnCluster], images: Images, toolchain: Toolchain
) -> Iterator[FleetUnderTest]:
    """The fleet on them."""
    clone.write_stack("own", stack_of(clusters, images, toolchain.charts))
    with clone.sandbox() as sandbox:
        made = FleetUnderTest(sandbox, "own")
        try:
            made.up()
            yield made
        finally:
            if sandbox.remains("own"):
                made.run("destroy", "--yes", expect=None)


def stack_of(clusters: dict[str, OwnCluster], images: Images, charts: Path) -> dict[str, Any]:
    """The stack file's configuration; without a load balancer gateways have the addresses of nodes."""
    istiod = {
        "global": {"hub": images.istio_hub, "imagePullPolicy": "IfNotPresent"},
        "autoscaleEnabled": False,
        "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}},
        # Upstream's Envoy has no filters of Istio.
        "telemetry": {"enabled": False},
        "env": SETTINGS | {"PILOT_DISABLE_MX_ALPN": "true"},
    }
    return {
        "host": "hub",
        "meshes": {"mesh": {"settings": {"mtls": "strict"}}},
        "networks": {f"network-{name}": {} for name in clusters},
        "istio": {
            "charts": {"folder": str(charts)},
            "values": {"istiod": istiod, "gateway": {"imagePullPolicy": "IfNotPresent"}},
        },
        "clusters": {
            name: {
                "existing": {"kubeconfig": str(one.kubeconfig), "context": one.context},
                "network": f"network-{name}",
                "istio": {"values": {"gateway": {"service": {"externalIPs": [one.address]}}}},
            }
            for name, one in clusters.items()
        },
        "namespaces": {"sample": {"injection": True}},
        "workloads": {
            "echo": {"namespace": "sample"},
            "ledger": {"namespace": "sample", "allowedCallers": ["sample/ledger"]},
        },
    }


@contextmanager
def as_verifier(fleet: FleetUnderTest, folder: Path, without: tuple[str, ...] = ()) -> Iterator[FleetView]:
    """The fleet as a user sees it who has that role, `without` some of its resources."""
    rules = [
        rule | {"resources": kept}
        for rule in verifier_role()["rules"]
        if (kept := [one for one in rule["resources"] if one not in without])
    ]
    file = folder / "role.json"
    file.write_text(json.dumps(verifier_role() | {"rules": rules}), encoding="utf-8")
    seen = []
    for cluster in fleet.view.clusters:
        access = json.loads(cluster.kubeconfig.read_text(encoding="utf-8"))
        fleet.kubectl(cluster.name, "apply", "-f", str(file))
        fleet.kubectl(cluster.name, "create", "serviceaccount", "verifier", "-n", "default", expect=None)
        binding = ("verifier", "--clusterrole", "meshfleet-verify", "--serviceaccount", "default:verifier")
        fleet.kubectl(cluster.name, "create", "clusterrolebinding", *binding, expect=None)
        token = fleet.kubectl(cluster.name, "create", "token", "verifier", "-n", "default", "-o", "json")
        access["users"] = [
            {"name": one["name"], "user": {"token": token.report["status"]["token"]}} for one in access["users"]
        ]
        path = folder / f"{cluster.name}.kubeconfig"
        path.write_text(json.dumps(access), encoding="utf-8")
        seen.append(replace(cluster, kubeconfig=path))
    yield replace(fleet.view, clusters=tuple(seen))


def verified(view: FleetView, *names: str, seconds: float = 30) -> Report:
    return run(view, named(names) if names else ALL, timeout=seconds)


def faults(report: Report) -> dict[str, str]:
    return {f"{one.name} of {one.cluster}": one.detail for one in report.failed}


def test_every_check_passes_and_none_is_left_out(fleet: FleetUnderTest) -> None:
    report = fleet.run("verify").report
    assert report["ok"], [one for one in report["checks"] if not one["ok"]]
    assert "notRun" not in report
    assert {one["name"] for one in report["checks"]} == {check.name for check in ALL} - NOT_HERE
    both = {one["name"] for one in report["checks"] if one["cluster"] == "shop"}
    assert both >= EXECUTED | {"traffic-plaintext", "pods-as-declared", "injection"}


def test_requests_reach_pods_of_both_clusters_through_gateways(fleet: FleetUnderTest) -> None:
    report = verified(fleet.view, "traffic-reach", "traffic-wire", "traffic-refused")
    details = {(one.name, one.cluster): one.detail for one in report.results}
    for name in NAMES:
        answered = re.search(r"echo\.sample\S*: hub (\d+), shop (\d+)", details["traffic-reach", name])
        assert answered is not None, details
        assert sum(map(int, answered.groups())) == 200
        (other,) = set(NAMES) - {name}
        assert f"{other} {fleet.cluster(other)['gateway']['address']}:15443" in details["traffic-wire", name]
        assert "10 times 403 (RBAC: access denied)" in details["traffic-refused", name]


def test_the_documented_permissions_suffice(fleet: FleetUnderTest, tmp_path: Path) -> None:
    with as_verifier(fleet, tmp_path) as view:
        report = verified(view)
    assert faults(report) == {}
    assert report.not_run == ()


def test_what_a_role_does_not_allow_is_not_run_with_the_reason(fleet: FleetUnderTest, tmp_path: Path) -> None:
    with as_verifier(fleet, tmp_path, without=("pods/exec", "pods/proxy", "pods/portforward")) as view:
        report = verified(view, seconds=10)
    assert faults(report) == {}
    denied = EXECUTED | {"traffic-plaintext", "istioctl-remote-clusters"}
    assert {one.name for one in report.not_run} == denied
    assert {one.name for one in report.results} == {check.name for check in ALL} - NOT_HERE - denied - {
        # It compares what the command has read before.
        "cluster-identity"
    }
    for one in report.not_run:
        assert "forbidden" in one.reason or "cannot" in one.reason, one


def test_clear_text_that_is_let_in_is_found(fleet: FleetUnderTest) -> None:
    def set_mode(mode: str) -> None:
        patch = json.dumps({"spec": {"mtls": {"mode": mode}}})
        place = ("peerauthentication", "default", "-n", "istio-system", "--type", "merge", "-p", patch)
        fleet.kubectl("hub", "patch", *place)

    set_mode("PERMISSIVE")
    try:
        found = faults(verified(fleet.view, "traffic-plaintext", "mesh-config", seconds=5))
    finally:
        set_mode("STRICT")
    assert set(found) == {"traffic-plaintext of hub", "mesh-config of hub"}
    assert faults(verified(fleet.view, "traffic-plaintext", "mesh-config")) == {}


def test_each_istiod_is_judged_and_none_at_all_is_a_failure(fleet: FleetUnderTest) -> None:
    def scale(replicas: int) -> None:
        fleet.kubectl("hub", "scale", "-n", "istio-system", "deployment/istiod", f"--replicas={replicas}")
        fleet.kubectl("hub", "rollout", "status", "-n", "istio-system", "deployment/istiod", "--timeout=50s")

    try:
        scale(2)
        report = verified(fleet.view, "clusters-synced", "proxies-synced")
        assert faults(report) == {}
        assert any("(the same of 2 istiods)" in one.detail for one in report.results)
        scale(0)
        # A pod that is ending is one still.
        gone = ("wait", "--for=delete", "pod", "-n", "istio-system", "-l", "app=istiod", "--timeout=50s")
        fleet.kubectl("hub", *gone)
        report = verified(fleet.view, "clusters-synced", seconds=5)
        assert report.not_run == ()
        assert "no pod of istiod default" in faults(report).get("clusters-synced of hub", "")
    finally:
        scale(1)
    assert faults(verified(fleet.view, "clusters-synced", "proxies-synced")) == {}


def test_up_again_changes_nothing_and_destroy_leaves_the_clusters(fleet: FleetUnderTest) -> None:
    fleet.run("preview", "--expect-no-changes")
    fleet.run("destroy", "--yes")
    assert fleet.sandbox.remains("own") == []
