"""Readers may do what discovery needs and no more, in every fleet there can be."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from meshfleet.manifests import fleet_plan, reader
from meshfleet.manifests.names import READER_RIGHTS, istiod_service, mesh_config_map
from meshfleet.manifests.remote_secrets import READER
from meshfleet.manifests.section import Document
from meshfleet.topology import Fleet
from tests.examples import up_to
from tests.manifests.plans import named, objects, releases
from tests.topology.strategies import loaded_fleets

pytestmark = pytest.mark.proof("readers get no more than discovery needs", step=0)

quick = up_to(30)


def rules(fleet: Fleet, cluster: str) -> list[dict[str, Any]]:
    """What the reader of a cluster may do, whether in all namespaces or in one."""
    return [rule for body in objects(of_reader(fleet_plan(fleet)[cluster])) for rule in body.get("rules", [])]


def of_reader(plan: list[Document]) -> list[Document]:
    """What of a plan is the reader's."""
    return [document for document in plan if document.section is reader.SECTION]


@quick
@given(loaded_fleets())
def test_a_cluster_that_no_other_control_plane_reads_gives_no_rights(fleet: Fleet) -> None:
    for cluster, plan in fleet_plan(fleet).items():
        found = [document.name for document in plan if document.section is reader.SECTION]
        assert bool(found) == bool(fleet.readers_of(cluster))
        assert set(READER_RIGHTS) <= set(found) or not found


@quick
@given(loaded_fleets())
def test_the_rights_of_istios_chart_are_given_nowhere(fleet: Fleet) -> None:
    for plan in fleet_plan(fleet).values():
        for release in releases(plan).values():
            if release.chart == "istiod":
                assert release.values["global"]["enableReaderRBAC"] is False


@quick
@given(loaded_fleets())
def test_they_are_there_before_the_chart_takes_its_own_away(fleet: Fleet) -> None:
    for cluster, plan in fleet_plan(fleet).items():
        for revision in fleet.istio.installed if fleet.readers_of(cluster) else ():
            chart = named(plan, istiod_service(revision))
            assert chart is not None
            assert set(READER_RIGHTS) <= set(chart.after)


@quick
@given(loaded_fleets())
def test_no_secret_is_got_and_nothing_is_written_but_by_the_control_plane_of_a_remote(fleet: Fleet) -> None:
    for cluster in fleet.clusters:
        for rule in rules(fleet, cluster):
            resources, verbs = set(rule["resources"]), set(rule["verbs"])
            if "secrets" in resources:
                assert verbs == {"list", "watch"}
            if "*" in resources:
                assert set(rule["apiGroups"]) <= set(reader.CONFIGURATION)
            if not verbs <= set(reader.READ):
                assert not fleet.is_primary(cluster)
                # What exists is changed by name alone.
                assert verbs == {"create"} or rule["resourceNames"]


@quick
@given(loaded_fleets())
def test_config_maps_are_read_by_name_alone(fleet: Fleet) -> None:
    for cluster in fleet.clusters:
        found = [rule for rule in rules(fleet, cluster) if "configmaps" in rule["resources"]]
        mesh = {mesh_config_map(revision) for revision in fleet.istio.installed}
        allowed = mesh | {reader.ROOT_CERTIFICATE, reader.REVOKED_CERTIFICATES, reader.ELECTION}
        for rule in found:
            assert rule["verbs"] == ["create"] or set(rule["resourceNames"]) <= allowed


@quick
@given(loaded_fleets())
def test_a_remote_lets_its_control_plane_change_every_webhook_of_the_fleet(fleet: Fleet) -> None:
    for cluster, plan in fleet_plan(fleet).items():
        if fleet.is_primary(cluster):
            continue
        allowed = {name for rule in rules(fleet, cluster) for name in rule.get("resourceNames", [])}
        tags = {body["metadata"]["name"] for body in objects(plan) if body["kind"] == "MutatingWebhookConfiguration"}
        injectors = {name for name in allowed if name.startswith("istio-sidecar-injector")}
        assert tags <= allowed
        assert len(injectors) == len(fleet.istio.installed)


@quick
@given(loaded_fleets())
def test_bindings_give_the_rights_to_the_account_of_the_token(fleet: Fleet) -> None:
    for cluster, plan in fleet_plan(fleet).items():
        account = {"kind": "ServiceAccount", "name": READER, "namespace": fleet.system_namespace(cluster)}
        for body in objects(of_reader(plan)):
            if body["kind"].endswith("RoleBinding"):
                assert body["subjects"] == [account]
                assert body["roleRef"]["name"] == body["metadata"]["name"]
