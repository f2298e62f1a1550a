"""After an `up` that failed, every cluster that was left without its control plane is told, with the reason."""

from __future__ import annotations

import pytest
from pulumi.automation.events import EngineEvent

from meshfleet.automation.blocked_clusters import blocked_clusters
from meshfleet.automation.reporting.changes import Record
from meshfleet.topology import load
from tests.automation.events import diagnostic, done, failed
from tests.components.fleets import NAMES, fleet_called, in_one_mesh
from tests.components.recorded_fleets import graph_called

pytestmark = pytest.mark.proof("a cluster whose control plane did not start is reported with the reason", step=0)

REASON = "port 127.0.0.1:21700 (grpc) is taken by process 4711 (nc); end it"


def after(*events: EngineEvent) -> Record:
    taken = Record()
    for event in events:
        taken.add(event)
    return taken


def failing(name: str, reason: str = REASON) -> tuple[EngineEvent, ...]:
    return failed(name), diagnostic(reason, name)


def test_a_remote_names_its_primary_and_what_failed_there() -> None:
    found = after(*failing("primary/istiod-process"), done("branch/istio-system"))
    assert blocked_clusters(fleet_called("primary-remote"), found) == [
        "branch waits for the control plane of primary, whose istiod-process failed: "
        "port 127.0.0.1:21700 (grpc) is taken by process 4711 (nc)"
    ]


@pytest.mark.parametrize("operation", ["create", "same", "update"])
def test_a_remote_that_is_served_is_not_reported_whatever_else_failed(operation: str) -> None:
    found = after(*failing("primary/namespace-sample"), done("branch/remote-readiness", operation))
    assert blocked_clusters(fleet_called("primary-remote"), found) == []


def test_a_remote_in_which_something_failed_itself_has_its_own_sentence_alone() -> None:
    found = after(*failing("branch/istio-base"), *failing("primary/istiod-process"))
    assert blocked_clusters(fleet_called("primary-remote"), found) == []
    found = after(
        *failing("branch/remote-readiness", "waited 120 s for the istiod of primary to set up injection in branch")
    )
    assert blocked_clusters(fleet_called("primary-remote"), found) == []
    assert found.sentences() == [
        "branch: remote-readiness: waited 120 s for the istiod of primary to set up injection in branch"
    ]


def test_only_the_remotes_of_the_primary_that_failed_are_reported() -> None:
    found = after(*failing("west/istiod-process", "it ended"), done("east-branch/remote-readiness"))
    assert blocked_clusters(fleet_called("mixed"), found) == [
        "west-branch waits for the control plane of west, whose istiod-process failed: it ended"
    ]


def test_a_peer_that_keeps_a_primary_from_reading_its_clusters_is_named() -> None:
    found = after(*failing("east/processes", "the disk is full"))
    assert blocked_clusters(fleet_called("mixed"), found) == [
        "west-branch waits for the control plane of west, whose remote secrets are applied together, and in east "
        "processes failed: the disk is full",
        "east-branch waits for the control plane of east, whose processes failed: the disk is full",
    ]


def test_a_cluster_that_its_primary_does_not_read_keeps_no_remote_waiting() -> None:
    clusters = {
        "hub": {"embedded": {}, "network": "n", "discovery": {"readBy": []}},
        "west": {"embedded": {}, "network": "n"},
        "branch": {"embedded": {}, "network": "n", "controlPlane": {"remote": "west"}},
    }
    fleet = load("directed", {"host": "hub", "networks": {"n": {}}, "clusters": clusters})
    assert blocked_clusters(fleet, after(*failing("hub/processes", "the disk is full"))) == []


def test_where_an_external_control_plane_runs_is_reported() -> None:
    fleet = fleet_called("external-control-plane")
    remote = ("depot", "branch")
    assert blocked_clusters(fleet, after(*failing("operations/istiod-process", "it ended"))) == [
        "config waits for its control plane in operations, whose istiod-process failed: it ended",
        *(
            f"{name} waits for the control plane of config, which runs in operations, whose istiod-process failed: "
            "it ended"
            for name in remote
        ),
    ]
    # The istiod of an external control plane has the name of its config cluster.
    assert blocked_clusters(fleet, after(*failing("config/istiod-process", "it ended"))) == [
        f"{name} waits for the control plane of config, whose istiod-process failed: it ended" for name in remote
    ]
    assert blocked_clusters(fleet, after(*failing("config/namespace-sample"), done("config/istiod-process"))) == [
        f"{name} waits for the control plane of config, whose namespace-sample failed: "
        "port 127.0.0.1:21700 (grpc) is taken by process 4711 (nc)"
        for name in remote
    ]


def test_where_pods_run_the_release_in_the_host_is_what_is_waited_for() -> None:
    fleet = fleet_called("external-with-real-pods-and-a-revision")
    failures = failing("operations/namespace-sample", "refused")
    assert [line.partition(" ")[0] for line in blocked_clusters(fleet, after(*failures))] == ["shop", "branch"]
    release = done("operations/external-shop-istiod-canary")
    assert [line.partition(" ")[0] for line in blocked_clusters(fleet, after(*failures, release))] == ["branch"]


@pytest.mark.parametrize("shape", NAMES)
def test_what_is_waited_for_is_registered_whatever_the_shape_of_the_fleet(shape: str) -> None:
    fleet = fleet_called(shape)
    everything = [done(resource.name) for resource in graph_called(shape).custom]
    # With all of it done nobody is left, and with none of it everybody who is served from elsewhere is.
    elsewhere = [name for name, cluster in fleet.clusters.items() if cluster.control_plane.kind != "own"]
    refused = [failed(f"mesh {mesh}/root") for mesh in fleet.meshes]
    assert blocked_clusters(fleet, after(*everything, *refused)) == []
    assert [line.partition(" ")[0] for line in blocked_clusters(fleet, after(*refused))] == elsewhere


def test_a_remote_that_one_revision_serves_waits_for_the_other() -> None:
    config = in_one_mesh(
        {"west": {"embedded": {}}, "branch": {"embedded": {}, "controlPlane": {"remote": "west"}}},
        istio={"revision": "old", "revisions": {"old": {}, "new": {}}},
    )
    failure = failing("west/istiod-new-process", "it ended")
    assert blocked_clusters(load("two", config), after(*failure, done("branch/remote-readiness-old"))) == [
        "branch waits for the control plane of west, whose istiod-new-process failed: it ended"
    ]


def test_a_root_that_was_not_made_is_named_and_a_failure_without_a_reason_too() -> None:
    fleet = fleet_called("primary-remote")
    assert blocked_clusters(fleet, after(failed("mesh mesh/root"))) == [
        "branch waits for the control plane of primary, for which root of mesh mesh failed"
    ]
    assert blocked_clusters(fleet, after(diagnostic("the backend is gone"))) == []


def test_clusters_with_their_own_istiod_wait_for_nobody() -> None:
    found = after(*failing("west/istiod-process"), *failing("host/istiod-process"))
    assert blocked_clusters(fleet_called("dev"), found) == []
