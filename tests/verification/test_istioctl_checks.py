"""The real istioctl is run as a person would, and what it prints is judged line by line."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshfleet.errors import VerificationError
from meshfleet.verification import FleetView
from meshfleet.verification.checks import istioctl_analyze, istioctl_remote_clusters
from meshfleet.verification.istioctl import istioctl
from meshfleet.verification.unreachable import NoResponseError

pytestmark = pytest.mark.proof("istioctl agrees with the fleet", step=0)

NAME = st.from_regex(r"[a-z]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True)


def script(fleet: FleetView, text: str) -> None:
    path = fleet.tools / "istioctl"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o700)
    with os.fdopen(descriptor, "w") as file:
        file.write(f"#!/bin/sh\n{text}\n")


def test_a_recorded_table_of_synced_clusters_holds(fleet: FleetView, recorded: Callable[[str], Any]) -> None:
    finding = istioctl_remote_clusters.judge(fleet, fleet.clusters[0], recorded("remote-clusters.txt"))
    assert finding.passed
    assert finding.detail.endswith("of west reports east, west synced")


@given(
    st.lists(
        st.tuples(NAME, st.just("") | NAME.map("istio-system/{}".format), st.sampled_from(["synced", "syncing"])),
        min_size=1,
        max_size=5,
    )
)
def test_every_table_is_read_back_column_by_column(entries: list[tuple[str, str, str]]) -> None:
    table = [("NAME", "SECRET", "STATUS", "ISTIOD", "REVISION")]
    table += [(*entry, "istiod-0", "default") for entry in entries]
    widths = [max(len(row[column]) for row in table) + 5 for column in range(5)]
    printed = "\n".join(
        "".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table
    )
    read = istioctl_remote_clusters.rows(printed)
    assert [(entry.id, entry.secret, entry.status) for entry in read["istiod-0"]] == entries


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            "east     istio-system/istio-remote-secret-east     timeout    istiod-596657f966-wlzgf",
            "east is timeout",
        ),
        ("", "east is missing"),
        (
            "solo     istio-system/istio-remote-secret-solo     synced     istiod-596657f966-wlzgf",
            "mesh mesh2",
        ),
    ],
)
def test_a_table_with_a_fault_names_it(fleet: FleetView, recorded: Callable[[str], Any], line: str, told: str) -> None:
    lines = recorded("remote-clusters.txt").splitlines()[:2]
    finding = istioctl_remote_clusters.judge(fleet, fleet.clusters[0], "\n".join([*lines, line]))
    assert not finding.passed
    assert told in finding.detail


def test_a_table_without_istiods_and_no_table_at_all_do_not_hold(fleet: FleetView) -> None:
    header = "NAME     SECRET     STATUS     ISTIOD     REVISION\n"
    assert "finds no istiod" in istioctl_remote_clusters.judge(fleet, fleet.clusters[0], header).detail
    for printed in ("", "unknown command"):
        with pytest.raises(VerificationError, match="not a table"):
            istioctl_remote_clusters.rows(printed)


def test_known_exceptions_hold_and_are_reported_with_their_reasons(
    fleet: FleetView, recorded: Callable[[str], Any]
) -> None:
    found = istioctl_analyze.messages(json.dumps(recorded("analyze.json")))
    finding = istioctl_analyze.judge(fleet, fleet.clusters[0], found)
    assert finding.passed
    assert "IST0170 Service default/kubernetes (each API server listens on its own port" in finding.detail
    assert "IST0102 Namespace default (the stack does not label" in finding.detail


def test_nothing_to_say_holds(fleet: FleetView) -> None:
    for printed in ("[]", "null"):
        assert istioctl_analyze.judge(fleet, fleet.clusters[0], istioctl_analyze.messages(printed)).passed


@pytest.mark.parametrize("level", ["Info", "Warning", "Error"])
def test_any_other_message_is_a_fault_whatever_its_level(fleet: FleetView, level: str) -> None:
    other = {"code": "IST0101", "level": level, "origin": "VirtualService a.b", "message": "no such host"}
    same_code = {
        "code": "IST0170",
        "level": level,
        "origin": "Service shop/cart",
        "message": "service ports are inconsistent",
    }
    finding = istioctl_analyze.judge(
        fleet, fleet.clusters[0], istioctl_analyze.messages(json.dumps([other, same_code]))
    )
    assert not finding.passed
    assert f"{level} IST0101 (VirtualService a.b) no such host; and 1 more" in finding.detail


@pytest.mark.parametrize(("namespace", "passed"), [("meshfleet-trust", True), ("shop", False)])
def test_a_port_of_cert_manager_s_own_chart_is_an_exception(fleet: FleetView, namespace: str, passed: bool) -> None:
    message = {
        "code": "IST0118",
        "level": "Info",
        "origin": f"Service {namespace}/cert-manager-webhook",
        "message": "Port name metrics (port: 9402, targetPort: http-metrics) doesn't follow the naming convention.",
    }
    found = istioctl_analyze.messages(json.dumps([message]))
    assert istioctl_analyze.judge(fleet, fleet.clusters[0], found).passed is passed


def test_a_namespace_that_should_be_injected_is_no_exception(fleet: FleetView, recorded: Callable[[str], Any]) -> None:
    west, east, solo = fleet.clusters
    fleet = replace(fleet, clusters=(replace(west, injected_namespaces=("default",)), east, solo))
    message = {
        "code": "IST0102",
        "origin": "Namespace default",
        "message": "is not enabled for Istio injection",
    }
    here = istioctl_analyze.messages(json.dumps([message]))
    there = istioctl_analyze.messages(json.dumps([message | {"cluster": "east"}]))
    assert not istioctl_analyze.judge(fleet, fleet.clusters[0], here).passed
    assert istioctl_analyze.judge(fleet, fleet.clusters[0], there).passed


@pytest.mark.parametrize("printed", ["", "Error: x", "{}", "[3]", '"x"'])
def test_an_analysis_that_is_no_list_of_messages_is_refused(printed: str) -> None:
    with pytest.raises(VerificationError, match="istioctl analyze "):
        istioctl_analyze.messages(printed)


def test_istioctl_is_led_to_the_cluster_and_to_no_other(fleet: FleetView, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/somebody/else")
    monkeypatch.setenv("ISTIOCTL_XDS_ADDRESS", "elsewhere:15010")
    script(fleet, 'echo "$@"; echo "[$KUBECONFIG][$ISTIOCTL_XDS_ADDRESS]"')
    west = replace(fleet.clusters[0], context="west-context")
    assert istioctl(fleet, west, ["analyze"], 5).splitlines() == [
        "--kubeconfig=/nowhere/west/kubeconfig --context=west-context --istioNamespace=istio-system analyze",
        "[][]",
    ]


def test_a_failing_istioctl_reports_its_last_words(fleet: FleetView) -> None:
    script(fleet, "echo first >&2; echo 'Error: unable to find any Istiod instances' >&2; exit 1")
    with pytest.raises(NoResponseError, match="on west failed: unable to find any Istiod instances"):
        istioctl(fleet, fleet.clusters[0], ["remote-clusters"], 5)


def test_an_istioctl_that_does_not_end_is_ended(fleet: FleetView) -> None:
    script(fleet, "exec sleep 60")
    with pytest.raises(NoResponseError, match="did not end within 0 s"):
        istioctl(fleet, fleet.clusters[0], ["analyze"], 0.2)


def test_a_missing_istioctl_is_named(fleet: FleetView, tmp_path: Path) -> None:
    with pytest.raises(VerificationError, match="istioctl cannot be started"):
        istioctl(replace(fleet, tools=tmp_path / "none"), fleet.clusters[0], ["analyze"], 5)
