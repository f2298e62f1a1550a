"""Why etcd does not start from its data is one sentence, and no other cause is taken for damaged data."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshfleet.embedded import control_plane
from meshfleet.embedded.control_plane import ControlPlane
from meshfleet.embedded.etcd_log import reason_in, refuses_data, waits_for_data
from meshfleet.errors import EndedError, ProcessError
from meshfleet.workspace import fleet_processes as processes
from meshfleet.workspace.fleet_processes import last_lines

pytestmark = pytest.mark.proof("a database that a power cut damaged is named, with the way out", step=0)

STARTED = json.dumps({"level": "info", "msg": "No snapshot found. Recovering WAL from scratch!"})
# As etcd 3.7 writes them after its log, or its database, was cut.
CUT = {
    "empty log": "panic: runtime error: invalid memory address or nil pointer dereference",
    "cut database": json.dumps({"level": "panic", "msg": "failed to open database", "error": "invalid database"}),
    "log behind": json.dumps({"level": "fatal", "msg": "discovery failed", "error": "wal: crc mismatch"}),
}
OTHER = (
    json.dumps({"level": "fatal", "msg": "listen", "error": "bind: address already in use"}),
    json.dumps({"level": "error", "msg": "cannot write", "error": "open db: permission denied"}),
    "panic: open member/snap/db: no space left on device",
    '{"level":"panic","msg":"failed to create WAL","error":"write 0.tmp: no space left on device"}\n'
    "panic: failed to create WAL",
    STARTED,
    "",
)
UNPUBLISHED = '{"level":"warn","msg":"failed to publish local member to cluster through raft","error":"timed out"}'
PUBLISHED = '{"level":"info","msg":"published local member to cluster through raft"}'


@pytest.mark.parametrize("line", CUT.values(), ids=CUT)
def test_an_etcd_that_is_gone_before_it_was_seen_is_known_too(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plane = ControlPlane("west", tmp_path)
    (tmp_path / "kwok" / "clusters" / "west" / "etcd" / "member").mkdir(parents=True)

    def gone(program: Path, _: object, __: object, log: Path, ___: object) -> None:
        log.parent.mkdir(parents=True)
        log.write_text(f"{STARTED}\n{line}\n", encoding="utf-8")
        raise EndedError(f"{program.name}: exited immediately")

    monkeypatch.setattr(processes, "start", gone)
    monkeypatch.setattr(control_plane, "link_tools", lambda *_: None)
    monkeypatch.setattr(control_plane, "read_notes", lambda *_: {"etcd": {"args": []}})
    with pytest.raises(ProcessError, match=r"west: etcd exited while starting; it cannot use its data in .* remove "):
        plane.start(["etcd"], "v1.35.4")


@pytest.mark.parametrize("line", CUT.values(), ids=CUT)
def test_data_that_it_cannot_use_is_known_by_its_last_grave_message(line: str) -> None:
    log = f"{STARTED}\n{line}\n[signal SIGSEGV]\n\ngoroutine 1 [running]:\n"
    assert refuses_data(log)
    assert "\n" not in reason_in(log)


@pytest.mark.parametrize("line", OTHER)
def test_no_other_cause_is_taken_for_it(line: str) -> None:
    assert not refuses_data(f"{STARTED}\n{line}\n")


def test_one_that_never_serves_is_distinguished_from_one_that_does_at_last() -> None:
    assert waits_for_data(f"{STARTED}\n{UNPUBLISHED}\n{UNPUBLISHED}\n")
    assert not waits_for_data(f"{UNPUBLISHED}\n{PUBLISHED}\n")
    assert not waits_for_data(STARTED)
    assert not waits_for_data("")


@given(st.text())
def test_no_log_fails_the_reader(log: str) -> None:
    assert len(reason_in(log)) <= 200
    assert isinstance(refuses_data(log) or waits_for_data(log), bool)


@pytest.mark.parametrize(("component", "line"), [("etcd", CUT["cut database"]), ("kube-apiserver", UNPUBLISHED)])
def test_the_sentence_names_the_data_and_the_way_out(component: str, line: str, tmp_path: Path) -> None:
    plane = ControlPlane("west", tmp_path)
    for name in ("etcd", "kube-apiserver"):
        plane.log(name).parent.mkdir(parents=True, exist_ok=True)
        plane.log(name).write_text(f"{STARTED}\n", encoding="utf-8")
    plane.log("etcd").write_text(f"{STARTED}\n{line}\n", encoding="utf-8")
    # Of a cluster that is being made there is no data to lose.
    assert plane.evidence(component) == last_lines(plane.log(component))
    data = plane.log("etcd").parents[1] / "etcd"
    (data / "member").mkdir(parents=True)
    sentence = plane.evidence(component)
    assert str(data) in sentence
    assert f"remove {tmp_path} and run the same command again" in sentence
