"""What the engine did is told in the words of a fleet, and every failure names its cluster."""

from __future__ import annotations

import pytest

from meshfleet.automation.reporting.changes import STAGES, Change, Place, Record, counted, is_component, place_of
from meshfleet.errors import UnreachableError
from meshfleet.errors.causes import FORGETTABLE, Cause, advice
from meshfleet.manifests import fleet_plan
from tests.automation.events import diagnostic, done, failed, started, urn_of
from tests.components.fleets import NAMES, fleet_called
from tests.components.recorded_fleets import graph_called

pytestmark = pytest.mark.proof("progress and changes by cluster and stage", step=0)


def recorded(*events: object) -> Record:
    taken = Record()
    for event in events:
        taken.add(event)  # type: ignore[arg-type]
    return taken


@pytest.mark.parametrize(
    ("name", "component", "place"),
    [
        ("west/cacerts", "Trust", Place("west", "trust", "cacerts")),
        ("west/istio-system", "IstioSystem", Place("west", "namespace", "istio-system")),
        ("west/processes", "EmbeddedCluster", Place("west", "cluster", "processes")),
        ("west/kubernetes", "ExistingCluster", Place("west", "cluster", "kubernetes")),
        ("west/istiod-process", "ControlPlane", Place("west", "control plane", "istiod-process")),
        # What a name looks like is of no matter.
        ("west/namespace-istiod", "Namespaces", Place("west", "workloads", "namespace-istiod")),
        ("west/istiod", "VirtualMachines", Place("west", "workloads", "istiod")),
        ("west/remote-secrets", "RemoteSecrets", Place("west", "discovery", "remote-secrets")),
        ("mesh mesh1/root", "MeshTrust", Place("", "trust", "root of mesh mesh1")),
        ("dev", "Trust", Place("", "fleet", "dev")),
        ("meshfleet-dev", "Trust", Place("", "fleet", "meshfleet-dev")),
    ],
)
def test_the_stage_of_a_resource_follows_from_its_component(name: str, component: str, place: Place) -> None:
    assert place_of(urn_of(name, component=component)) == place


def test_a_text_that_is_no_urn_has_a_place() -> None:
    assert place_of("") == Place("", "fleet", "")
    assert place_of("west/cacerts") == Place("west", "cluster", "cacerts")


@pytest.mark.parametrize("shape", NAMES)
def test_progress_and_render_agree_on_the_stage_of_every_document(shape: str) -> None:
    fleet, graph = fleet_called(shape), graph_called(shape)
    stages = {
        (cluster, document.name): document.stage.heading
        for cluster, plan in fleet_plan(fleet).items()
        for document in plan
    }
    seen = set()
    for resource in (*graph.custom, *graph.providers):
        place = place_of(resource.urn)
        assert place.stage in STAGES
        assert place.cluster in ("", *fleet.clusters)
        if (place.cluster, place.what) in stages:
            assert place.stage == stages[place.cluster, place.what]
            seen.add((place.cluster, place.what))
        makes_the_cluster = resource.what in ("processes", "node", "nodes", "identity", "kubernetes")
        assert (place.stage == "cluster") == makes_the_cluster
    assert seen == stages.keys()


def test_what_is_unchanged_and_what_only_groups_is_no_change() -> None:
    found = recorded(
        started("west/cacerts"),
        done("west/cacerts", "same"),
        done("west/east-west-gateway-service", "read"),
        done("west/istiod", "refresh"),
        done("west", resource_type="meshfleet:components:Trust"),
        done("west/kubernetes", resource_type="pulumi:providers:kubernetes"),
        done("meshfleet-dev", resource_type="pulumi:pulumi:Stack"),
    )
    assert found.changes == []
    assert found.sentences() == []


def test_a_change_names_its_cluster_what_was_done_and_the_fields() -> None:
    found = recorded(done("west/istiod", "update", diffs=("values", "chart")), done("mesh m/root", "create"))
    assert [str(change) for change in found.changes] == [
        "west: istiod update (values, chart)",
        "root of mesh m create",
    ]


def test_changes_are_counted_by_kind_in_order() -> None:
    place = Place("west", "trust", "cacerts")
    found = [Change(place, operation) for operation in ("update", "create", "update")]
    assert list(counted(found).items()) == [("create", 1), ("update", 2)]


def test_a_failure_is_one_sentence_with_its_cluster_and_its_reason() -> None:
    found = recorded(
        failed("west/istiod"),
        diagnostic("<{%reset%}>connection\n  refused<{%reset%}>", "west/istiod"),
        diagnostic("update failed"),
        diagnostic("only a warning", "east/istiod", severity="warning"),
    )
    assert found.sentences() == ["west: istiod: connection refused"]


def test_a_failure_without_a_reason_and_a_reason_without_a_resource_are_reported() -> None:
    found = recorded(failed("east/cacerts"), diagnostic("the backend is gone"), diagnostic("the backend is gone"))
    assert found.sentences() == ["east: cacerts: failed", "the backend is gone"]


def test_the_plugins_own_resources_are_no_components() -> None:
    assert not is_component("meshfleet:index:Istiod")
    assert is_component("meshfleet:components:Trust")


def test_clusters_whose_api_server_does_not_respond_are_distinguished_from_those_that_refuse() -> None:
    found = recorded(
        failed("west/cacerts"),
        diagnostic(str(UnreachableError("https://127.0.0.1:1", Cause.REFUSED, subject="Secret")), "west/cacerts"),
        diagnostic(str(UnreachableError("https://127.0.0.1:1", Cause.TIMEOUT)), "west/gateway"),
        diagnostic(
            "configured Kubernetes cluster is unreachable: unable to load schema information from the API server: "
            'Get "https://127.0.0.1:1/openapi/v2": dial tcp 127.0.0.1:1: connect: connection refused',
            "north/cacerts",
        ),
        diagnostic("https://127.0.0.1:2 refuses Secret istio-system/cacerts: forbidden", "east/cacerts"),
        diagnostic("the registry does not respond"),
    )
    assert found.unreachable() == ["west", "north"]
    assert found.remedies() == []


GO = 'configured Kubernetes cluster is unreachable: unable to load schema information from the API server: Get "x": '


@pytest.mark.parametrize(
    "text, cause",
    [
        (f"{GO}dial tcp: lookup a.example: no such host", Cause.NAME_UNKNOWN),
        (f"{GO}dial tcp 10.0.0.1:443: connect: no route to host", Cause.NO_ROUTE),
        (f"{GO}dial tcp 10.0.0.1:443: i/o timeout", Cause.TIMEOUT),
        (f"{GO}net/http: TLS handshake timeout", Cause.SILENT),
        (f"{GO}tls: failed to verify certificate: x509: certificate signed by unknown authority", None),
        (f"{GO}x509: certificate has expired or is not yet valid: current time 2026 is before 2027", None),
        (f"{GO}the server has asked for the client to provide credentials", None),
        (f"{GO}EOF", None),
        ("Kubernetes cluster unreachable: Unauthorized", None),
        *((str(UnreachableError("https://x", cause)), cause if cause in FORGETTABLE else None) for cause in Cause),
        ('failed calling webhook "x": Post "https://y": dial tcp 1.2.3.4:443: connect: connection refused', None),
        ("helm upgrade failed: context deadline exceeded", None),
    ],
)
def test_forgetting_is_offered_only_where_a_cluster_may_be_gone(text: str, cause: Cause | None) -> None:
    found = recorded(failed("west/cacerts"), diagnostic(text, "west/cacerts"))
    assert found.unreachable() == (["west"] if cause in FORGETTABLE else [])


def test_a_message_of_another_program_gets_the_advice_it_lacks() -> None:
    found = recorded(failed("west/x"), diagnostic(f"{GO}x509: certificate signed by unknown authority", "west/x"))
    assert found.remedies() == [f"west: {advice(Cause.CERTIFICATE_AUTHORITY)}"]
