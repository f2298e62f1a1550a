"""A document that the release before versions wrote is read, and says the same as before."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from meshfleet.automation.identities import identities_in
from meshfleet.automation.state.deployment import deployed_fleet, deployed_in
from meshfleet.automation.state.recorded_state import clusters_of, without_description
from meshfleet.errors import EngineError
from meshfleet.rollout.deployed import DeployedNetwork, DeployedRevisions, DeployedTrust
from meshfleet.rollout.transitions import DeployedCluster, DeployedFleet
from meshfleet.status import VERSION, read_deployed, read_status, without_clusters
from meshfleet.status.upgrades import UPGRADES
from meshfleet.status.version import UNVERSIONED
from meshfleet.verification import read_fleet
from tests.automation.recorded_states import recorded

pytestmark = pytest.mark.proof("the status of an earlier release is upgraded", step=0)

RECORDED = Path(__file__).parent / "recorded"
DOCUMENTS: dict[str, dict[str, Any]] = {
    path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(RECORDED.glob("*.json"))
}
STACK = {"type": "pulumi:pulumi:Stack", "urn": "urn:pulumi:dev::meshfleet::pulumi:pulumi:Stack::meshfleet-dev"}


def earliest() -> dict[str, Any]:
    """What a much earlier release recorded, which knew of neither revisions, roots, settings nor workloads."""
    found: dict[str, Any] = next(one for one in recorded()["resources"] if one["type"] == STACK["type"])
    return copy.deepcopy(found["outputs"]["fleet"])


def mesh_of(name: str, *bundle: str) -> dict[str, Any]:
    component = "meshfleet:components:MeshTrust"
    urn = f"urn:pulumi:dev::meshfleet::meshfleet:components:Fleet${component}::mesh {name}"
    return {"type": component, "urn": urn, "inputs": {"bundle": list(bundle)}}


def test_every_earlier_version_has_an_upgrade() -> None:
    assert sorted(UPGRADES) == list(range(UNVERSIONED, VERSION))
    assert {name for name, document in DOCUMENTS.items() if "version" in document} == set()
    assert set(DOCUMENTS) == {"canary", "dev", "virtual-machines"}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_release_before_is_the_current_one_but_for_the_version(name: str) -> None:
    document = DOCUMENTS[name]
    assert read_status(document).document() == {"version": VERSION, **document}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_an_upgrade_changes_nothing_that_it_is_given(name: str) -> None:
    document = copy.deepcopy(DOCUMENTS[name])
    read_status(document)
    assert document == DOCUMENTS[name]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_that_was_read_is_read_again_as_the_same(name: str) -> None:
    status = read_status(DOCUMENTS[name])
    assert read_status(json.loads(json.dumps(status.document()))) == status


def test_a_much_earlier_release_has_one_revision_and_one_root(tmp_path: Path) -> None:
    document = earliest()
    for cluster in document["clusters"]:
        cluster["kubeconfig"] = "/nowhere"
    status = read_status(document)
    assert {cluster.name for cluster in status.clusters} == {"hub", "shop", "west"}
    assert {cluster.control_plane.revisions for cluster in status.clusters} == {()}
    assert {mesh.roots for mesh in status.meshes} == {()}
    fleet = read_fleet(document, tmp_path)
    assert fleet.istiods() == fleet.primaries() == fleet.clusters
    assert identities_in(status) == {}


def test_a_rollout_starts_from_what_the_release_before_recorded() -> None:
    deployment = {"resources": [STACK | {"outputs": {"fleet": DOCUMENTS["dev"]}}, mesh_of("mesh1", "first")]}
    deployed = deployed_in(deployment)
    assert deployed.trust == {"mesh1": DeployedTrust(("first",), ("first",))}
    assert deployed.revisions == DeployedRevisions({"default": "1.31"}, "default", "default")
    assert deployed.networks == {
        name: DeployedNetwork(f"network-{name}", f"network-{name}", f"network-{name}")
        for name in ("host", "west", "east")
    }


def test_up_goes_on_where_the_rest_of_the_status_is_damaged() -> None:
    document = copy.deepcopy(DOCUMENTS["dev"])
    document["clusters"][0]["server"] = 7
    document["meshes"][0]["settings"] = None
    assert read_deployed(document) == read_deployed(DOCUMENTS["dev"])


def test_a_rollout_takes_a_field_that_was_never_recorded_for_unknown_and_not_for_a_default() -> None:
    gaps = {"clusters": [None, {"name": "west", "controlPlane": None}, {"name": None}], "meshes": [{"name": "mesh1"}]}
    for document in (None, {}, {"clusters": None, "meshes": None}):
        assert deployed_fleet(document) == DeployedFleet()
    assert deployed_fleet(gaps) == DeployedFleet({"west": DeployedCluster()}, {"mesh1": ""})
    west = deployed_fleet(DOCUMENTS["dev"]).clusters["west"]
    assert (west.provider, west.kind, west.ranges) == ("embedded", "own", {"podCidr": None, "serviceCidr": None})


def test_destroy_finds_the_clusters_of_a_state_without_versions_and_forgets_them() -> None:
    deployment = recorded()
    assert clusters_of(deployment) == ("hub", "shop", "west")
    left = without_description(deployment, ["shop"])
    (fleet,) = (one["outputs"]["fleet"] for one in left["resources"] if one["type"] == STACK["type"])
    assert [cluster["name"] for cluster in fleet["clusters"]] == ["hub", "west"]
    # Its version, none here, is that of before.
    assert fleet.keys() == earliest().keys()
    assert without_clusters({"clusters": "damaged"}, ["shop"]) == {"clusters": "damaged"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"version": VERSION + 1}, "was written by a later meshfleet"),
        ({"clusters": [{"name": "west", "network": 7}]}, "clusters.west.network: must be a string, got 7"),
    ],
    ids=["later", "damaged"],
)
def test_up_stops_before_anything_is_touched_where_it_cannot_know_what_is_deployed(
    change: dict[str, Any], said: str
) -> None:
    document = DOCUMENTS["dev"] | change
    deployment = {"resources": [STACK | {"outputs": {"fleet": document}}]}
    for read in (lambda: deployed_in(deployment), lambda: deployed_fleet(document)):
        with pytest.raises(EngineError, match=f"the output fleet of the recorded state cannot be read: .*{said}"):
            read()
