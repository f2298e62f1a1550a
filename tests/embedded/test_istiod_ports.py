"""The ports of an istiod stay what they are once it ran, and are exchanged where another program came first."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from meshfleet.embedded.istiod import Istiod
from meshfleet.embedded.ports import port_is_free
from meshfleet.plugins.meshfleet.istiod_address import IstiodAddressHandler
from meshfleet.workspace.home import Workspace

pytestmark = pytest.mark.proof("loopback ports and addresses that no two owners share", step=0)

INPUTS = {"cluster": "west", "revision": "default"}


@pytest.fixture
def inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.setenv("MESHFLEET_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("MESHFLEET_HOME", str(tmp_path / "home"))
    return {"fleet": "dev", **INPUTS}


def test_a_port_that_another_program_took_before_the_istiod_ran_is_exchanged(inputs: dict[str, str]) -> None:
    handler = IstiodAddressHandler()
    made = handler.create(inputs, 0)
    assert handler.diff(inputs, made.outputs, inputs).updates == ()
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", made.outputs["grpcPort"]))
        stranger.listen()
        assert handler.diff(inputs, made.outputs, inputs).updates == ("grpcPort",)
        assert "grpcPort" not in handler.preview(made.outputs, inputs)
        updated = handler.update(made.identifier, inputs, made.outputs, inputs, 0)
        assert {name for name in updated if updated[name] != made.outputs[name]} == {"grpcPort"}
        assert port_is_free(updated["grpcPort"])
        assert handler.diff(inputs, updated, inputs).updates == ()
        # One that ran keeps its ports: what was made with them is everywhere.
        Workspace.of("dev").claim()
        istiod = Istiod(Workspace.of("dev"), "west", "default")
        istiod.directory.mkdir(parents=True)
        with socket.socket() as another:
            another.bind(("127.0.0.1", updated["httpPort"]))
            another.listen()
            assert handler.diff(inputs, updated, inputs).updates == ()
            assert handler.update(made.identifier, inputs, updated, inputs, 0) == updated
