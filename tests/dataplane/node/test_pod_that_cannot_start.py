"""A pod whose agent raises says why in its status and is tried ever more slowly; its node goes on."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from meshfleet.dataplane.node import pod_run
from meshfleet.dataplane.node.pod_run import PodRun
from meshfleet.dataplane.node.volumes import PodVolumes
from meshfleet.errors import ClusterError, UnsupportedError

pytestmark = pytest.mark.proof("one bad object never stops another on a node", step=0)

POD: Any = SimpleNamespace(
    metadata=SimpleNamespace(name="cart", namespace="shop", uid="1"),
    spec=SimpleNamespace(initContainers=None, containers=[SimpleNamespace(name="app", image="x")]),
    status=None,
)


class Client:
    """Takes the status of a pod."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []

    def patch(self, kind: object, name: str, body: dict[str, Any], **more: object) -> None:
        self.told.append(body["status"])


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> tuple[PodRun, Client, list[str], list[str | None], list[float]]:
    """A pod run that never lives, its client, its log, what it reports, and how long it waits."""
    client = Client()
    said: list[str] = []
    reported: list[str | None] = []
    pauses: list[float] = []
    made = PodRun(client, None, None, POD, "100.64.0.1", None, lambda: "", said.append)  # type: ignore[arg-type]
    made.failed = reported.append

    def wait(seconds: float) -> bool:
        pauses.append(seconds)
        if len(pauses) == 5:
            made.leave.set()
        return False

    monkeypatch.setattr(made, "stop", SimpleNamespace(is_set=lambda: False, wait=wait))
    return made, client, said, reported, pauses


@pytest.mark.parametrize(
    ("error", "waits"),
    [
        (ValueError("PROXY_CONFIG is no JSON"), [1, 2, 4, 8, 16]),
        (UnsupportedError("volume x: nfs is not supported"), [1, 2, 4, 8, 16]),
        (ClusterError("Secret a: not found"), [1, 1, 1, 1, 1]),
    ],
)
def test_the_reason_is_in_its_status(run: Any, monkeypatch: pytest.MonkeyPatch, error: Exception, waits: Any) -> None:
    made, client, said, reported, pauses = run

    def live() -> None:
        raise error

    monkeypatch.setattr(made, "_live", live)
    made.run()
    assert pauses == waits
    state = client.told[-1]["containerStatuses"][0]["state"]
    assert state["waiting"]["reason"] == "CreateContainerError"
    assert str(error) in state["waiting"]["message"]
    assert str(error) in reported[-1]
    assert len(said) == 5
    assert pod_run.back_off(1, passing=False) == 1


def test_a_volume_of_an_unknown_kind_is_named(tmp_path: Path) -> None:
    from lightkube.models.core_v1 import HostPathVolumeSource, Volume

    volumes = PodVolumes(tmp_path, 0, frozenset({"root"}))
    pod: Any = SimpleNamespace(
        metadata=SimpleNamespace(name="cart", namespace="shop", uid="1", labels=None, annotations=None),
        spec=SimpleNamespace(
            nodeName="", serviceAccountName="", volumes=[Volume(name="root", hostPath=HostPathVolumeSource(path="/"))]
        ),
    )
    with pytest.raises(UnsupportedError, match="volume root: hostPath is not supported"):
        volumes.fetch(Client(), pod, "100.64.0.1", "198.18.0.1")  # type: ignore[arg-type]
