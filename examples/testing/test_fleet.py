"""Tests of a fleet: whatever its clusters are called, each reaches the workload in every other one."""

from __future__ import annotations

from meshfleet.testing import FleetUnderTest, answered, settled

ECHO = "sample/echo"


def test_all_checks_pass(meshfleet_fleet: FleetUnderTest) -> None:
    covered = meshfleet_fleet.verify()
    assert covered["clusters-synced"] == meshfleet_fleet.clusters


def test_up_would_change_nothing(meshfleet_fleet: FleetUnderTest) -> None:
    assert meshfleet_fleet.preview() == []


def test_every_istiod_discovers_every_cluster(meshfleet_fleet: FleetUnderTest) -> None:
    synced = dict.fromkeys(meshfleet_fleet.clusters, "synced")
    for cluster in meshfleet_fleet.clusters:
        istiod = meshfleet_fleet.istiod(cluster)
        assert settled(lambda istiod=istiod: istiod.sync() == synced, 30), istiod.sync()


def test_every_cluster_has_the_namespace(meshfleet_fleet: FleetUnderTest) -> None:
    for cluster in meshfleet_fleet.clusters:
        assert "sample" in meshfleet_fleet.names(cluster, "namespaces")


def test_requests_from_every_cluster_are_answered_by_all_with_the_callers_identity(
    meshfleet_fleet: FleetUnderTest,
) -> None:
    for cluster in meshfleet_fleet.clusters:
        sender = meshfleet_fleet.sender(cluster, ECHO)
        replies = sender.send(ECHO, 60)
        assert answered(replies).keys() == meshfleet_fleet.clusters
        assert {reply.peer for reply in replies} == {sender.identity}
