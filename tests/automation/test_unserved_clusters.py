"""After an `up` that failed, every cluster that was left without its control plane is told, with the reason."""

from __future__ import annotations

import pytest

from automation.changes import Record
from automation.unserved import unserved
from tests.automation.events import diagnostic, done, failed
from tests.components.fleets import fleet_called

pytestmark = pytest.mark.proof("a cluster whose control plane did not come up is told with the reason", step=0)

REASON = "port 127.0.0.1:21700 (grpc) is taken by process 4711 (nc); end it"


def after(*events: object) -> Record:
    record = Record()
    for event in events:
        record.add(event)  # type: ignore[arg-type]
    return record


def failing(name: str, reason: str = REASON) -> tuple[object, ...]:
    return failed(name), diagnostic(reason, name)


def test_a_remote_names_its_primary_and_what_failed_there() -> None:
    record = after(*failing("primary/istiod-process"), done("branch/istio-system"))
    assert unserved(fleet_called("primary-remote"), record) == [
        "branch waits for the control plane of primary, whose istiod-process failed: "
        "port 127.0.0.1:21700 (grpc) is taken by process 4711 (nc)"
    ]


@pytest.mark.parametrize("operation", ["create", "same", "update"])
def test_a_remote_that_is_served_is_not_told_whatever_else_failed(operation: str) -> None:
    record = after(*failing("primary/namespace-sample"), done("branch/served", operation))
    assert unserved(fleet_called("primary-remote"), record) == []


def test_a_remote_in_which_something_failed_itself_has_its_own_sentence_alone() -> None:
    record = after(*failing("branch/istio-base"), *failing("primary/istiod-process"))
    assert unserved(fleet_called("primary-remote"), record) == []
    record = after(*failing("branch/served", "waited 120 s for the istiod of primary to serve branch"))
    assert unserved(fleet_called("primary-remote"), record) == []
    assert record.sentences() == ["branch: served: waited 120 s for the istiod of primary to serve branch"]


def test_only_the_remotes_of_the_primary_that_failed_are_told() -> None:
    record = after(*failing("west/istiod-process", "it ended"), done("east-branch/served"))
    assert unserved(fleet_called("mixed"), record) == [
        "west-branch waits for the control plane of west, whose istiod-process failed: it ended"
    ]


def test_a_peer_that_keeps_a_primary_from_being_told_of_its_clusters_is_named() -> None:
    record = after(*failing("east/processes", "the disk is full"))
    assert unserved(fleet_called("mixed"), record) == [
        "west-branch waits for the control plane of west, which is told of its clusters all at once, and of east "
        "processes failed: the disk is full",
        "east-branch waits for the control plane of east, whose processes failed: the disk is full",
    ]


def test_where_an_external_control_plane_runs_is_told() -> None:
    fleet = fleet_called("external-control-plane")
    assert unserved(fleet, after(*failing("operations/istiod-process", "it ended"))) == [
        "config waits for its control plane in operations, whose istiod-process failed: it ended",
        "branch waits for the control plane of config, which runs in operations, whose istiod-process failed: it ended",
    ]
    # The istiod of an external control plane has the name of its config cluster.
    assert unserved(fleet, after(*failing("config/istiod-process", "it ended"))) == [
        "branch waits for the control plane of config, whose istiod-process failed: it ended",
    ]
    assert unserved(fleet, after(*failing("config/namespace-sample"), done("config/istiod-process"))) == [
        "branch waits for the control plane of config, whose namespace-sample failed: "
        "port 127.0.0.1:21700 (grpc) is taken by process 4711 (nc)"
    ]


def test_where_pods_run_the_release_in_the_host_is_what_is_waited_for() -> None:
    fleet = fleet_called("external-with-real-pods-and-a-revision")
    failures = failing("operations/namespace-sample", "refused")
    assert [line.partition(" ")[0] for line in unserved(fleet, after(*failures))] == ["shop", "branch"]
    release = done("operations/external-shop-istiod")
    assert [line.partition(" ")[0] for line in unserved(fleet, after(*failures, release))] == ["branch"]


def test_a_root_that_was_not_made_is_named_and_a_failure_without_a_reason_too() -> None:
    fleet = fleet_called("primary-remote")
    assert unserved(fleet, after(failed("mesh mesh/root"))) == [
        "branch waits for the control plane of primary, for which root of mesh mesh failed"
    ]
    assert unserved(fleet, after(diagnostic("the backend is gone"))) == []


def test_clusters_with_their_own_istiod_wait_for_nobody() -> None:
    record = after(*failing("west/istiod-process"), *failing("host/istiod-process"))
    assert unserved(fleet_called("dev"), record) == []
