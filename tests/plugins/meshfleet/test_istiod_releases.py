"""An istiod of another release of Istio: started again when the release changes, and only then."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from meshfleet.embedded.istiod import _fingerprint
from meshfleet.embedded.istiod_spec import ISTIOD_PORTS
from meshfleet.plugins.meshfleet.istiod import IstiodHandler, _spec
from meshfleet.versions import EMBEDDED_ISTIO
from tests.plugins.meshfleet.test_wrong_inputs import ISTIOD

pytestmark = pytest.mark.proof("istiods of different releases of Istio", step=0)

INPUTS = {**ISTIOD, "revision": "default", "namespace": "istio-system"}
OLD = {**INPUTS, "release": "1.30"}


@pytest.fixture(autouse=True)
def running(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("meshfleet.embedded.istiod.Istiod.state", lambda _: "running")


def test_another_release_is_another_process_and_the_standard_one_what_it_was() -> None:
    ports = dict.fromkeys(ISTIOD_PORTS, 21000)
    standard, old = (_spec(inputs) for inputs in (INPUTS, OLD))
    assert old == replace(standard, release="1.30")
    assert _fingerprint(standard, "k", ports) != _fingerprint(old, "k", ports)
    # That of istiods which run since before there were releases.
    assert _fingerprint(standard, "k", ports) == "71bac9b935d018b62ef5622bb757ed32bd63055b7c3a6c2c14127dc38fe3b472"


def test_a_change_of_release_restarts_the_process() -> None:
    outputs = {"state": "running", "version": "1.30-unknown-unknown"}
    handler = IstiodHandler()
    assert handler.check(OLD)[1] == []
    for before, after in ((INPUTS, OLD), (OLD, INPUTS)):
        difference = handler.diff(before, outputs, after)
        assert (difference.updates, difference.replaces) == (("release",), ())
    assert handler.diff(OLD, outputs, OLD).updates == ()


@pytest.mark.parametrize(
    ("known", "inputs", "certain"),
    [
        ("1.30-unknown-unknown", OLD, True),
        ("1.30-unknown-unknown", INPUTS, False),
        ("unknown-unknown-unknown", OLD, False),
        ("unknown-unknown-unknown", INPUTS, True),
        (f"{EMBEDDED_ISTIO}-5eb-Clean", OLD, False),
    ],
)
def test_the_version_is_certain_only_while_the_release_stays(
    known: str, inputs: dict[str, object], certain: bool
) -> None:
    previewed = IstiodHandler().preview({"version": known, "state": "running"}, inputs)
    assert ("version" in previewed) == certain


def test_it_runs_the_program_of_its_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from meshfleet.embedded import istiod as module
    from meshfleet.workspace.home import Workspace

    linked: list[object] = []
    monkeypatch.setattr(module, "link_tools", lambda _, names, release: linked.append((names, release)))
    monkeypatch.setattr("meshfleet.workspace.fleet_processes.start", lambda *_: None)
    one = module.Istiod(Workspace("dev", tmp_path), "west", "default")
    for inputs in (INPUTS, OLD):
        one._launch(_spec(inputs), dict.fromkeys(ISTIOD_PORTS, 21000))
    assert linked == [({"pilot-discovery": "pilot-discovery"}, ""), ({"pilot-discovery": "pilot-discovery"}, "1.30")]
