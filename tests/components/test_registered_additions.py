"""What the user adds is in every registered object and release, exactly as `render` writes it."""

from __future__ import annotations

from typing import Any

import pytest

from meshfleet.manifests import Release, fleet_plan
from meshfleet.manifests.additions import without_additions
from meshfleet.topology import Fleet
from meshfleet.topology.additions import Additions, ClusterIstio
from tests.components.fleets import fleet_called
from tests.components.registrations import record
from tests.components.test_registered_contracts import WITH_EVERY_SECTION, fits, of_kubernetes, plain

pytestmark = pytest.mark.proof("what the fleet cannot express, its user adds", step=1)


def with_additions(fleet: Fleet) -> Fleet:
    """The fleet with a label, an annotation, a value and two patches for every document that it has."""
    plans = fleet_plan(fleet)
    everywhere = {document.name: document for plan in plans.values() for document in plan}
    patches: list[dict[str, Any]] = []
    for name, document in everywhere.items():
        below = ["values"] if isinstance(document.body, Release) else []
        added = {"metadata": {"annotations": {"example.com/document": name}}}
        patches += [
            {"document": name, "merge": {"values": {"added": {"document": name}}} if below else added},
            {
                "document": name,
                "json": [{"op": "add", "path": "".join(f"/{one}" for one in [*below, "more"]), "value": 1}],
            },
        ]
    values = {
        key: {"everywhere": {key: True}}
        for document in everywhere.values()
        if isinstance(document.body, Release)
        for key in (str(document.body.chart), document.name)
    }
    clusters = {
        name: cluster.model_copy(
            update={
                "additions": Additions(labels={"example.com/cluster": name}),
                "istio": ClusterIstio(
                    values={
                        document.name: {"here": {name: True}}
                        for document in plans[name]
                        if isinstance(document.body, Release)
                    }
                ),
            }
        )
        for name, cluster in fleet.clusters.items()
    }
    additions = Additions.model_validate(
        {"labels": {"example.com/team": "mesh"}, "annotations": {"example.com/owner": "mesh"}, "patches": patches}
    )
    istio = fleet.istio.model_copy(update={"values": values})
    return fleet.model_copy(update={"clusters": clusters, "istio": istio, "additions": additions})


@pytest.mark.parametrize("name", WITH_EVERY_SECTION)
def test_every_addition_is_registered_as_render_writes_it(name: str) -> None:
    fleet = with_additions(fleet_called(name))
    registered = {
        resource.name: plain(resource.inputs) for resource in of_kubernetes(record(fleet)) if not resource.read
    }
    seen = 0
    for cluster, plan in fleet_plan(fleet).items():
        for document in plan:
            inputs = registered.pop(f"{cluster}/{document.name}")
            if isinstance(document.body, Release):
                for key in (str(document.body.chart), document.name):
                    assert inputs["values"]["everywhere"][key] is True
                assert inputs["values"]["here"] == {cluster: True}
                assert inputs["values"]["added"] == {"document": document.name}
                assert inputs["values"]["more"] == 1
                inputs["values"].get("global", {}).pop("meshfleet")
                if not inputs["values"]["global"] and "global" not in document.body.values:
                    del inputs["values"]["global"]
                assert fits(document.body.values, inputs["values"])
            else:
                metadata = inputs["metadata"]
                assert metadata["labels"]["example.com/team"] == "mesh"
                assert metadata["labels"]["example.com/cluster"] == cluster
                assert metadata["annotations"]["example.com/owner"] == "mesh"
                assert metadata["annotations"]["example.com/document"] == document.name
                assert inputs["more"] == 1
                assert fits(document.body, inputs)
            seen += 1
    assert seen > 3
    assert registered == {}


@pytest.mark.parametrize("name", ["dev", "ambient", "mixed", "two-revisions"])
def test_names_and_types_in_the_state_stay(name: str) -> None:
    fleet = with_additions(fleet_called(name))
    bare, added = record(without_additions(fleet)), record(fleet)
    assert {urn: resource.after for urn, resource in bare.resources.items()} == {
        urn: resource.after for urn, resource in added.resources.items()
    }
