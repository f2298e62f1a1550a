"""A cert-manager that is there: asked whether it takes requests, waited for, and told apart from one that is not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from meshfleet.errors import ClusterError
from meshfleet.plugins.meshfleet.cert_manager import CertManagerHandler
from meshfleet.plugins.meshfleet.handler import UNKNOWN, Properties
from tests.cert_manager_server import NAMESPACE, CertManagerServer, cert_manager_server

pytestmark = pytest.mark.proof("intermediates that cert-manager issues", step=1)

READY = {"state": "ready"}
SILENT = (
    500,
    'Internal error occurred: failed calling webhook "webhook.cert-manager.io": failed to call webhook: tls: failed to '
    "verify certificate: x509: certificate signed by unknown authority",
)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CertManagerServer]:
    monkeypatch.setenv("MESHFLEET_HOME", str(tmp_path / "home"))
    with cert_manager_server() as found:
        yield found


@pytest.fixture
def handler() -> CertManagerHandler:
    return CertManagerHandler()


def inputs(server: CertManagerServer, **changes: Any) -> Properties:
    made = {"fleet": "dev", "cluster": "hub", "namespace": NAMESPACE, "kubeconfig": server.kubeconfig, "process": False}
    return made | changes


def test_a_webhook_that_is_not_trusted_in_the_first_seconds_is_asked_again(
    server: CertManagerServer, handler: CertManagerHandler
) -> None:
    server.refusals = [SILENT, SILENT]
    assert handler.create(inputs(server), 10).outputs == READY
    assert len(server.checks) == 3
    assert all(path.endswith("/certificates?fieldManager=meshfleet&dryRun=All") for path in server.checks)


def test_without_its_definitions_it_is_waited_for_and_named(
    server: CertManagerServer, handler: CertManagerHandler
) -> None:
    server.refusals = [(404, "the server could not find the requested resource")] * 50
    with pytest.raises(ClusterError, match=r"cert-manager of hub to take requests.*serves no cert-manager.io/v1"):
        handler.create(inputs(server), 0.2)


def test_a_webhook_that_does_not_respond_any_more_is_a_difference_and_said_plainly(
    server: CertManagerServer, handler: CertManagerHandler
) -> None:
    assert not handler.diff(inputs(server), READY, inputs(server)).updates
    server.refusals = [SILENT] * 50
    assert handler.diff(inputs(server), READY, inputs(server)).updates == ("state",)
    told = handler.read("dev/hub", inputs(server), READY)
    assert told is not None
    assert "its webhook does not respond" in told["state"]
    with pytest.raises(ClusterError, match=r"its webhook does not respond.*check that cert-manager and its webhook"):
        handler.update("dev/hub", inputs(server), READY, inputs(server), 0.2)


def test_a_refusal_that_no_waiting_heals_is_raised_at_once(
    server: CertManagerServer, handler: CertManagerHandler
) -> None:
    server.refusals = [(403, "certificates is forbidden: no right to create")]
    with pytest.raises(ClusterError, match="forbidden"):
        handler.create(inputs(server), 30)
    assert len(server.checks) == 1


def test_another_cluster_has_another_one_and_unknown_inputs_ask_nothing(
    server: CertManagerServer, handler: CertManagerHandler
) -> None:
    found = handler.diff(inputs(server), READY, inputs(server, cluster="east"))
    assert (found.updates, found.replaces) == ((), ("cluster",))
    assert handler.diff(inputs(server), READY, inputs(server, kubeconfig=UNKNOWN)).updates == ("kubeconfig",)
    assert not server.checks
    assert handler.preview(None, inputs(server)) == READY


def test_a_process_of_before_ends_once_pods_take_requests(
    server: CertManagerServer, handler: CertManagerHandler, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = inputs(server, process=True)
    found = handler.diff(before, READY, inputs(server))
    assert (found.updates, found.replaces) == (("process",), ())
    process = handler.process(before)
    process.directory.mkdir(parents=True)
    assert handler.update("dev/hub", before, READY, inputs(server), 10) == READY
    assert process.state() is None
    # From now on it is asked as any other that is there.
    assert not handler.diff(inputs(server), READY, inputs(server)).updates


def test_wrong_inputs_are_named(server: CertManagerServer, handler: CertManagerHandler) -> None:
    faults = handler.check(inputs(server, process="yes", namespace="", other=1))[1]
    assert sorted(fault.property for fault in faults) == ["namespace", "other", "process"]
