"""What a killed run made in an existing cluster goes with the stack, and nothing that is not its own."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

import meshfleet.kube.access
import meshfleet.kube.releases.server
from meshfleet.automation import pending_at_destroy
from meshfleet.automation.pending_at_destroy import settle_pending
from meshfleet.automation.state.recorded_state import CLUSTER_IDENTITY, Deployment
from meshfleet.automation.unfinished_releases import RELEASE
from meshfleet.errors import ClusterError
from meshfleet.kube.releases.owner import Owner
from tests.kube.releases.test_settling import MadeUpServer, secret

pytestmark = pytest.mark.proof("destroy removes what a killed up made in existing clusters", step=0)

OURS = Owner("prod", "shop")
STATE: Deployment = {
    "resources": [
        {"urn": "urn::shop/identity", "type": CLUSTER_IDENTITY},
        {"urn": "urn::hub/identity", "type": CLUSTER_IDENTITY},
        {"urn": "urn::shop/istio-base", "type": RELEASE, "id": "istio-system/istio-base"},
    ]
}
RELEASES = (
    secret(1, "deployed", OURS, ("istio-system", "istio-base")),
    secret(1, "deployed", OURS, ("istio-system", "istiod")),
    secret(1, "pending-install", OURS, ("istio-system", "istio-eastwestgateway")),
    secret(1, "deployed", Owner("prod", "hub"), ("istio-system", "of-another-cluster")),
    secret(1, "deployed", Owner("test", "shop"), ("istio-system", "of-another-fleet")),
    secret(1, "deployed", None, ("default", "of-somebody-else")),
)


class MadeUpEngine:
    """Knows how to reach both clusters, and what it was made to record."""

    def __init__(self, folder: Path, code: int = 0) -> None:
        self.calls = folder / "calls"
        helm = folder / "helm"
        helm.write_text(f'#!/bin/sh\necho "$1 $4/$2" >> "{self.calls}"\necho a reason >&2\nexit {code}\n')
        helm.chmod(0o755)
        self.environment = SimpleNamespace(tools=folder)
        self.state: Deployment = STATE

    def recorded(self) -> Deployment:
        return self.state

    def recorded_access(self, names: list[str]) -> dict[str, tuple[str, str | None]]:
        return {name: (f"kubeconfig of {name}", None) for name in names}

    def rewrite(self, change: Any) -> None:
        self.state = change(self.state)

    def uninstalled(self) -> list[str]:
        return self.calls.read_text(encoding="utf-8").splitlines() if self.calls.exists() else []


@pytest.fixture(autouse=True)
def reached(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which kubeconfigs were used; that of `hub` leads nowhere."""
    used: list[str] = []

    def connected(kubeconfig: str, context: str | None) -> Any:
        used.append(kubeconfig)
        if kubeconfig.endswith("hub"):
            raise ClusterError("hub does not respond; start it")
        return nullcontext(MadeUpServer().put(*RELEASES))

    monkeypatch.setattr(meshfleet.kube.releases.server, "connected", connected)
    monkeypatch.setattr(meshfleet.kube.access, "read_access", lambda text, _: SimpleNamespace(text=text))
    return used


def test_releases_of_this_cluster_that_the_state_does_not_have_are_uninstalled(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = MadeUpEngine(tmp_path)
    settle_pending(cast("Any", engine), "prod", ())
    assert engine.uninstalled() == ["uninstall istio-system/istiod", "uninstall istio-system/istio-eastwestgateway"]
    # A cluster that does not respond keeps no other, and is named.
    assert "hub: cannot clean up after the interrupted run: hub does not respond" in capsys.readouterr().err


def test_a_cluster_that_is_skipped_is_not_even_reached(tmp_path: Path, reached: list[str]) -> None:
    engine = MadeUpEngine(tmp_path)
    settle_pending(cast("Any", engine), "prod", {"shop", "hub"})
    assert (engine.uninstalled(), reached) == ([], [])


def test_a_helm_that_fails_is_named_with_its_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settle_pending(cast("Any", MadeUpEngine(tmp_path, code=1)), "prod", {"hub"})
    assert "helm uninstall of release istio-system/istiod failed: a reason" in capsys.readouterr().err


def test_objects_that_were_being_created_become_part_of_the_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = {"urn": "urn::shop/cacerts", "type": "kubernetes:core/v1:Secret", "id": "istio-system/cacerts"}
    monkeypatch.setattr(pending_at_destroy, "created_of", lambda *_: iter([made]))
    engine = MadeUpEngine(tmp_path)
    settle_pending(cast("Any", engine), "prod", {"hub"})
    assert engine.state["resources"][-1] == made
