"""A document that waits for nothing that there is, or that is there already, is an error when it is registered."""

from __future__ import annotations

from dataclasses import replace

import pytest

from meshfleet.errors import DocumentError
from meshfleet.manifests import Document, registry, workloads
from meshfleet.manifests.section import Known, Point, elsewhere
from meshfleet.topology import Fleet
from tests.components.fleets import fleet_called
from tests.components.registrations import record

pytestmark = pytest.mark.proof("a document is written once: its name, its stage and what it waits for", step=1)

SHAPE = "multi-primary"


def with_document(monkeypatch: pytest.MonkeyPatch, name: str, after: tuple[str, ...]) -> None:
    """Another ConfigMap in every cluster, as a section of its own."""

    def documents(fleet: Fleet, cluster: str, known: Known) -> list[Document]:
        metadata = {"name": "more", "namespace": fleet.system_namespace(cluster)}
        return [Document(name, section, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}, after=after)]

    section = replace(workloads.SECTION, name="more", component="More", documents=documents)
    monkeypatch.setattr(registry, "SECTIONS", (*registry.SECTIONS, section))


@pytest.mark.parametrize(
    "after",
    [
        "namespace-nowhere",
        Point.CONFIG_CLUSTER_READ,
        elsewhere("west", "nothing"),
        elsewhere("gone", "istiod"),
    ],
)
def test_what_a_document_waits_for_must_be_registered(monkeypatch: pytest.MonkeyPatch, after: str) -> None:
    with_document(monkeypatch, "more", (Point.ISTIOD_READY, after))
    place, _, what = after.rpartition("/")
    with pytest.raises(DocumentError) as caught:
        record(fleet_called(SHAPE))
    assert "more waits for" in str(caught.value)
    assert f"{what} of {place or next(iter(fleet_called(SHAPE).clusters))}" in str(caught.value)
    assert "manifests/registry.py" in str(caught.value)


@pytest.mark.parametrize("name", ["istio-system", "istiod", "reader-token", "namespace-sample"])
def test_a_name_of_another_document_cannot_be_registered_again(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    with_document(monkeypatch, name, ())
    with pytest.raises(DocumentError, match=f"the document {name} of the section more is registered already"):
        record(fleet_called(SHAPE))


def test_a_document_waits_for_what_is_in_another_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    with_document(monkeypatch, "more", (elsewhere("east", "istiod"), elsewhere("east", Point.ISTIOD_READY)))
    before = record(fleet_called(SHAPE)).waits_for("west/more")
    assert {"east/istiod", "east/istiod-process"} <= before


def test_what_only_a_run_knows_is_refused_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def documents(fleet: Fleet, cluster: str, known: Known) -> list[Document]:
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "more"}}
        return [Document("more", section, body | {"data": {"address": known.gateway_address(cluster)}})]

    section = replace(workloads.SECTION, name="more", component="More", documents=documents)
    monkeypatch.setattr(registry, "SECTIONS", (*registry.SECTIONS, section))
    with pytest.raises(DocumentError, match="the address of the east-west gateway of only"):
        record(fleet_called("one-cluster"))
