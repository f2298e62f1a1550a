"""What Pulumi gets around it: private files, the user's own settings first, a passphrase that is never guessed."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from meshfleet.automation.checkout import Checkout
from meshfleet.automation.engine.environment import further_recipes, prepare
from meshfleet.automation.engine.kubernetes_plugin import KubernetesPlugin
from meshfleet.errors import EngineError
from meshfleet.toolchain import Toolchain, further_plan
from meshfleet.toolchain.recipes import CERT_MANAGER, CERT_MANAGER_PODS, FURTHER, Recipe
from meshfleet.topology import load

pytestmark = pytest.mark.proof("local state that only its owner can read", step=0)

OF_THE_USER = ("PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE")


@pytest.fixture(autouse=True)
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Toolchain:
    """Tools that are there already, and a user who has set nothing."""
    for name in OF_THE_USER:
        monkeypatch.delenv(name, raising=False)
    # Whatever other releases this machine has built.
    monkeypatch.setenv("MESHFLEET_CACHE", str(tmp_path / "cache"))
    made = Toolchain(
        bin=tmp_path / "bin",
        charts=tmp_path / "charts",
        gateway_api=tmp_path / "gateway",
        envoy_bootstrap=tmp_path / "envoy_bootstrap.json",
        versions={},
    )
    monkeypatch.setattr("meshfleet.toolchain.ensure", lambda progress, plan=None: made)
    plugin = KubernetesPlugin(tmp_path / "plugin", official=False, notice="it stands in")
    monkeypatch.setattr("meshfleet.automation.engine.kubernetes_plugin.install", lambda *_: plugin)
    return made


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_everything_it_makes_is_in_the_home_and_private(checkout: Checkout) -> None:
    prepare(checkout)
    assert mode(checkout.passphrase) == 0o600
    assert len(checkout.passphrase.read_text(encoding="utf-8")) >= 32
    for folder in (checkout.home, checkout.state, checkout.pulumi_home):
        assert mode(folder) == 0o700


def test_the_passphrase_is_made_once_and_only_its_place_is_in_the_environment(checkout: Checkout) -> None:
    first = prepare(checkout).variables
    passphrase = checkout.passphrase.read_text(encoding="utf-8")
    assert prepare(checkout).variables == first
    assert checkout.passphrase.read_text(encoding="utf-8") == passphrase
    assert first["PULUMI_CONFIG_PASSPHRASE_FILE"] == str(checkout.passphrase)
    assert passphrase not in "".join(first.values())


def test_a_lost_passphrase_is_said_before_a_new_one_locks_the_stacks_out(checkout: Checkout) -> None:
    prepare(checkout)
    checkout.passphrase.unlink()
    prepare(checkout)
    stack = checkout.state / ".pulumi" / "stacks" / "meshfleet" / "dev.json"
    stack.parent.mkdir(parents=True)
    stack.write_text("{}", encoding="utf-8")
    checkout.passphrase.unlink()
    with pytest.raises(EngineError) as caught:
        prepare(checkout)
    assert str(checkout.passphrase) in str(caught.value)
    assert "restore it, or set PULUMI_CONFIG_PASSPHRASE" in str(caught.value)
    assert not checkout.passphrase.exists()


@pytest.mark.parametrize("name", ["PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"])
def test_a_passphrase_of_the_user_is_used_and_none_is_made(
    name: str, checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "theirs")
    assert not set(prepare(checkout).variables) & {"PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"}
    assert not checkout.passphrase.exists()


def test_the_state_is_in_the_home_unless_the_user_has_a_backend(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = prepare(checkout)
    assert here.variables["PULUMI_BACKEND_URL"] == f"file://{checkout.state}?metadata=skip"
    assert here.local_backend
    monkeypatch.setenv("PULUMI_BACKEND_URL", "s3://bucket")
    there = prepare(checkout)
    assert there.variables["PULUMI_BACKEND_URL"] == "s3://bucket"
    assert not there.local_backend


def test_the_tools_come_before_what_is_on_path_and_nothing_is_fetched_behind_our_back(
    checkout: Checkout, tools: Toolchain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/theirs")
    variables = prepare(checkout).variables
    assert variables["PATH"].split(":") == [str(Path(sys.executable).parent), str(tools.bin), "/theirs"]
    assert variables["PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"] == "true"
    assert variables["PULUMI_SKIP_UPDATE_CHECK"] == "true"
    assert variables["PULUMI_HOME"] == str(checkout.pulumi_home)
    assert prepare(checkout).notice == "it stands in"


def test_the_charts_are_a_link_in_the_checkout_that_follows_the_tools(
    checkout: Checkout, tools: Toolchain, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    prepare(checkout)
    link = checkout.root / ".meshfleet" / "charts"
    assert link.readlink() == tools.charts
    newer = replace(tools, charts=tmp_path / "newer")
    monkeypatch.setattr("meshfleet.toolchain.ensure", lambda progress: newer)
    prepare(checkout)
    assert link.readlink() == newer.charts
    assert sorted(path.name for path in link.parent.iterdir()) == ["charts", "gateway-api"]


def _needed(**sections: Any) -> list[str]:
    fleet = {
        "host": "west",
        "networks": {"network-west": {}},
        "clusters": {"west": {"embedded": {}, "network": "network-west"}},
    }
    return [recipe.tool for recipe in further_recipes(load("dev", fleet | sections))]


def test_a_fleet_needs_what_it_names_and_nothing_more() -> None:
    existing = {"existing": {"kubeconfig": "k", "context": "c", "pods": "simulated"}, "network": "network-west"}
    old = {"kubernetes": {"version": "v1.32.2"}, "istio": {"version": "1.30"}}
    both = {"version": "1.30", "revision": "blue", "revisions": {"blue": {}, "green": {"version": "1.31"}}}
    assert _needed() == []
    assert _needed(**old) == ["kubernetes-v1.32.2", "istio-1.30"]
    assert _needed(istio=both) == ["istio-1.30"]
    issued = {"trust": {"issuer": "cert-manager"}}
    there = {"trust": {"issuer": "cert-manager", "certManager": {"install": False}}}
    assert _needed(meshes={"mesh": issued}) == ["cert-manager"]
    assert _needed(meshes={"mesh": there}) == []
    # In containers it is pods, of images that scripts/kind-images makes.
    kind = {"kind": {}, "network": "network-west"}
    assert _needed(meshes={"mesh": issued}, clusters={"west": kind}) == []
    # Its control plane is not of this machine, its istiod is.
    assert _needed(**old, clusters={"west": existing}) == ["istio-1.30"]
    assert _needed(**old, clusters={"west": {**existing, "existing": {"kubeconfig": "k", "context": "c"}}}) == []


def test_the_charts_of_another_release_have_a_link_of_their_own(checkout: Checkout, tools: Toolchain) -> None:
    prepare(checkout)
    other = checkout.root / ".meshfleet" / "charts-1.30"
    assert not other.is_symlink()
    charts = further_plan(FURTHER["istio-1.30"]).toolchain().charts
    charts.mkdir(parents=True)
    prepare(checkout)
    assert other.readlink() == charts
    assert (checkout.root / ".meshfleet" / "charts").readlink() == tools.charts


@pytest.mark.parametrize(
    ("name", "recipe"),
    [("cert-manager", CERT_MANAGER), ("cert-manager-pods", CERT_MANAGER_PODS)],
    ids=["process", "pods"],
)
def test_each_chart_of_cert_manager_is_a_link_once_it_is_built(checkout: Checkout, name: str, recipe: Recipe) -> None:
    prepare(checkout)
    link = checkout.root / ".meshfleet" / name
    assert not link.is_symlink()
    chart = further_plan(recipe).toolchain().gateway_api
    chart.mkdir(parents=True)
    prepare(checkout)
    assert link.readlink() == chart
