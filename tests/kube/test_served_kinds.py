"""After a restart a cluster is complete once its custom resources are served, and not before."""

from __future__ import annotations

from typing import Any, cast

import pytest

from meshfleet.errors import ClusterError, ReleaseError
from meshfleet.kube.api_errors import RefusedError
from meshfleet.kube.releases.manifest import Part
from meshfleet.kube.releases.parts import _await_kind
from meshfleet.kube.releases.server import Kind, Server
from meshfleet.kube.served_kinds import accepted, await_kinds

pytestmark = pytest.mark.proof("an embedded cluster, as a resource with a whole life cycle", step=0)


def definition(kind: str, *, names: str = "True", ready: str = "True", served: bool = True) -> dict[str, Any]:
    return {
        "metadata": {"name": f"{kind.lower()}s.networking.istio.io", "resourceVersion": "7"},
        "spec": {
            "group": "networking.istio.io",
            "names": {"kind": kind},
            "versions": [{"name": "v1", "served": True}, {"name": "v1alpha3", "served": served}],
        },
        "status": {
            "conditions": [{"type": "NamesAccepted", "status": names}, {"type": "Established", "status": ready}]
        },
    }


class MadeUpServer:
    """Serves a kind once its discovery was read so many times."""

    def __init__(self, listed: Any, after: int) -> None:
        self._listed = listed
        self._after = after
        self.asked = 0
        self.replaced: list[tuple[str, Any]] = []
        self.refusal: RefusedError | None = None

    def replace(self, path: str, body: Any, subject: str, *, manager: str) -> Any:
        self.replaced.append((path, body))
        if self.refusal:
            raise self.refusal
        return body

    def get(self, path: str, subject: str) -> Any:
        assert path == "apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        return self._listed

    def forget_kinds(self) -> None:
        self.asked += 1

    def kind(self, api_version: str, kind: str) -> Kind | None:
        return Kind(f"apis/{api_version}", kind.lower(), True) if self.asked > self._after else None

    @property
    def server(self) -> Server:
        return cast("Server", self)


def test_a_cluster_without_custom_resources_is_not_waited_for() -> None:
    made = MadeUpServer({"items": []}, after=0)
    await_kinds(made.server, "west", 1)
    assert made.asked == 0


def test_every_accepted_version_is_waited_for() -> None:
    made = MadeUpServer({"items": [definition("Gateway")]}, after=2)
    await_kinds(made.server, "west", 10)
    assert made.asked == 3


def test_what_is_not_served_within_the_bound_is_named() -> None:
    made = MadeUpServer({"items": [definition("Gateway")]}, after=1_000_000)
    with pytest.raises(ClusterError, match=r"cluster west to serve .*Gateway in networking\.istio\.io/v1"):
        await_kinds(made.server, "west", 0.2)


def test_what_is_not_accepted_being_deleted_or_not_served_is_not_waited_for() -> None:
    gone = definition("Telemetry")
    gone["metadata"]["deletionTimestamp"] = "2026-11-27T00:00:00Z"
    items = [definition("Gateway", served=False), definition("Sidecar", names="False", ready="False"), gone]
    assert accepted({"items": items}) == [("networking.istio.io/v1", "Gateway")]
    assert accepted({}) == []


def test_a_definition_that_a_killed_server_left_half_established_is_updated_so_that_the_server_goes_on() -> None:
    half = definition("Gateway", ready="False")
    made = MadeUpServer({"items": [half, definition("Sidecar")]}, after=0)
    await_kinds(made.server, "west", 1)
    ((path, body),) = made.replaced
    assert path.endswith("/customresourcedefinitions/gateways.networking.istio.io/status")
    assert body["status"]["conditions"] == [{"type": "NamesAccepted", "status": "True"}]
    assert body["metadata"]["resourceVersion"] == "7"
    assert body["spec"] == half["spec"]


@pytest.mark.parametrize(("code", "fine"), [(409, True), (404, True), (403, False)])
def test_a_definition_that_changed_meanwhile_needs_no_update(code: int, fine: bool) -> None:
    made = MadeUpServer({"items": [definition("Gateway", ready="False")]}, after=0)
    made.refusal = RefusedError("refused", code, "")
    if fine:
        await_kinds(made.server, "west", 1)
        return
    with pytest.raises(RefusedError):
        await_kinds(made.server, "west", 1)


@pytest.mark.parametrize("listed", [{"items": [{}]}, {"items": 1}, {"items": [None]}])
def test_an_answer_of_another_form_is_a_sentence(listed: Any) -> None:
    with pytest.raises(ClusterError):
        await_kinds(MadeUpServer(listed, after=0).server, "west", 1)


def test_the_kind_of_an_object_is_waited_for_after_its_definition_was_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    part = Part(
        api_version="networking.istio.io/v1",
        kind="Gateway",
        namespace="istio-system",
        name="cross-network",
        body={},
        templated=True,
    )
    made = MadeUpServer({}, after=2)
    assert _await_kind(made.server, part).plural == "gateway"
    monkeypatch.setattr("meshfleet.kube.releases.parts._KIND_SECONDS", 0.2)
    with pytest.raises(ReleaseError, match="has no kind Gateway"):
        _await_kind(MadeUpServer({}, after=1_000_000).server, part)
