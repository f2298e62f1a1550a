"""A section from outside: a model and a function, one line in each registry, and every part of the fleet has it.

The models are read below the documents, and know nothing of them; so a section that the stack file declares has a line
in the registry of models (topology/draft.py) and one in that of documents (manifests/registry.py).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from docs.generate import models, stack_file, stages
from meshfleet.automation.reporting.changes import STAGES, place_of
from meshfleet.cli.rendering import render
from meshfleet.manifests import Document, Stage, names, registry
from meshfleet.manifests.addition_faults import checked
from meshfleet.manifests.objects import metadata
from meshfleet.manifests.section import Known, Point, Section
from meshfleet.topology import Fleet, TopologyError, draft, load
from meshfleet.topology.model import Model
from meshfleet.topology.schema import stack_schema
from tests.components.fleets import in_one_mesh
from tests.components.registrations import record

pytestmark = pytest.mark.proof("a section is added in one place and is in every part of the fleet", step=1)

ROOT = Path(__file__).resolve().parent.parent.parent


class Probe(Model):
    """A probe of a workload, by its name."""

    namespace: str
    """The namespace of the workload."""
    period_seconds: int = 10
    """How often it is called."""


def documents(fleet: Fleet, cluster: str, known: Known) -> list[Document]:
    """A ConfigMap for each probe, after its namespace."""
    return [
        Document(
            f"probe-{name}",
            PROBES,
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": metadata(name, probe.namespace),
                "data": {"period": str(probe.period_seconds), "roots": known.roots(cluster)},
            },
            after=(Point.ISTIOD_READY, names.namespace(probe.namespace)),
        )
        for name, probe in fleet.sections["probes"].items()
    ]


PROBES = Section(
    name="probes",
    stage=Stage.WORKLOADS,
    component="Probes",
    documents=documents,
    declared_in="probes",
    what="probes of workloads",
    waits_for="their namespace",
)


@pytest.fixture(autouse=True)
def section(monkeypatch: pytest.MonkeyPatch) -> None:
    """The two lines."""
    monkeypatch.setitem(draft.SECTIONS, "probes", Probe)
    monkeypatch.setattr(registry, "SECTIONS", (*registry.SECTIONS, PROBES))


def configuration(**sections: Any) -> dict[str, Any]:
    clusters: dict[str, dict[str, Any]] = {"west": {"embedded": {}}, "east": {"embedded": {}}}
    return in_one_mesh(clusters, probes={"web": {"namespace": "sample"}}, **sections)


def test_validate_reads_it_and_names_what_is_wrong_in_it() -> None:
    assert load("probed", configuration()).sections["probes"]["web"].period_seconds == 10
    wrong = configuration() | {"probes": {"web": {"namespace": "sample", "periodSecond": 1}, "Web": {}}}
    with pytest.raises(TopologyError) as caught:
        load("probed", wrong)
    paths = {fault.path for fault in caught.value.faults}
    assert {"probes.web.periodSecond", "probes.Web", "probes.Web.namespace"} <= paths


def test_the_schema_completes_it() -> None:
    config = stack_schema()["properties"]["config"]["properties"]["meshfleet:probes"]
    assert config["description"] == "A probe of a workload, by its name."
    assert "periodSeconds" in json.dumps(stack_schema()["$defs"]["Probe"])


def test_render_writes_it_at_the_end_of_its_stage() -> None:
    files = render(load("probed", configuration()))
    for cluster in ("west", "east"):
        *_, last = [name for name in files if name.startswith(cluster)]
        assert last.endswith("-workloads-probe-web.yaml")
        assert "period: '10'" in files[last] or 'period: "10"' in files[last]
        assert "<root fingerprint of the mesh mesh1>" in files[last]


def test_the_program_registers_it_after_what_it_waits_for() -> None:
    graph = record(load("probed", configuration()))
    for cluster in ("west", "east"):
        resource = graph[f"{cluster}/probe-web"]
        assert {f"{cluster}/istiod-process", f"{cluster}/namespace-sample"} <= graph.waits_for(resource.name)
        component = graph.resources[resource.parent]
        assert (component.type, component.name) == ("meshfleet:components:Probes", cluster)
        assert graph.resources[component.parent].type == "meshfleet:components:Fleet"
        assert "mesh mesh1/root" in {graph.resources[urn].name for urn in resource.property_dependencies["data"]}
        assert resource.deleted_with == graph[f"{cluster}/processes"].urn


def test_progress_has_its_stage() -> None:
    graph = record(load("probed", configuration()))
    place = place_of(graph["west/probe-web"].urn)
    assert (place.cluster, place.stage, place.what) == ("west", "workloads", "probe-web")
    assert place.stage in STAGES


def test_what_the_user_adds_to_it_is_merged_and_what_it_owns_is_refused() -> None:
    patch = {"document": "probe-web", "merge": {"data": {"more": "1"}}}
    fleet = checked(load("probed", configuration(additions={"patches": [patch]})))
    (text,) = [text for name, text in render(fleet).items() if name.startswith("west/") and "probe-web" in name]
    assert "more:" in text
    assert record(fleet)["west/probe-web"].inputs["data"]["more"] == "1"
    owned = {"document": "probe-web", "merge": {"data": {"period": "1"}}}
    with pytest.raises(TopologyError, match="set by the fleet from probes; change it there"):
        checked(load("probed", configuration(additions={"patches": [owned]})))


def test_the_pages_have_it() -> None:
    assert "| workloads | probes of workloads | their namespace |" in stages.table().splitlines()
    page = stack_file.page(ROOT)
    assert "| none | A probe of a workload, by its name. |" in page
    assert "| `periodSeconds` |" in page
    fleet = load("probed", configuration())
    assert "ConfigMap `web` in `sample`" in models.table(fleet)
