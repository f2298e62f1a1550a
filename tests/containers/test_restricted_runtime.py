"""Containers on a machine without CAP_SYS_RESOURCE."""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshfleet.containers import restricted_runtime
from meshfleet.containers.capabilities import lacks_resource_capability
from meshfleet.containers.daemon_settings import runtime_text
from meshfleet.containers.restricted_runtime import file_to_change, without_capability

pytestmark = pytest.mark.proof("containers without CAP_SYS_RESOURCE", step=0)

CAPABILITY = "CAP_SYS_RESOURCE"
NAMES = st.sampled_from([CAPABILITY, "CAP_NET_ADMIN", "CAP_SYS_ADMIN", "CAP_SYS_RESOURCES"])
PROCESS = {
    "args": ["sh"],
    "capabilities": {"bounding": [CAPABILITY, "CAP_NET_ADMIN"], "ambient": None},
    "oomScoreAdj": -999,
}


@given(
    sets=st.dictionaries(st.sampled_from(["bounding", "effective", "permitted", "ambient"]), st.lists(NAMES)),
    score=st.integers(-1000, 1000),
    rest=st.dictionaries(st.sampled_from(["args", "env", "cwd"]), st.lists(st.text())),
)
def test_exactly_that_capability_is_taken_out_of_every_set(
    sets: dict[str, list[str]], score: int, rest: dict[str, Any]
) -> None:
    changed = without_capability({**rest, "capabilities": sets, "oomScoreAdj": score})
    assert changed["capabilities"] == {
        name: [one for one in given if one != CAPABILITY] for name, given in sets.items()
    }
    assert changed["oomScoreAdj"] == max(0, score)
    assert {name: changed[name] for name in rest} == rest


@pytest.mark.parametrize("process", [{}, {"capabilities": None}, {"capabilities": {"bounding": None}}])
def test_a_process_without_sets_is_left_as_it_is(process: dict[str, Any]) -> None:
    assert without_capability(process) == process


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("--root /r --log /l --log-format json create --bundle /b --pid-file /p id", ("/b/config.json", True)),
        ("--systemd-cgroup create --bundle=/b id", ("/b/config.json", True)),
        ("run -b /b id", ("/b/config.json", True)),
        ("create id", ("./config.json", True)),
        ("restore --bundle /b id", ("/b/config.json", True)),
        ("--root /r exec --process /tmp/runc-process1 --detach id", ("/tmp/runc-process1", False)),
        ("exec -p /tmp/x id", ("/tmp/x", False)),
        ("exec id sh", None),
        ("--root /r state id", None),
        ("kill --all id 9", None),
        ("delete --force id", None),
        ("--version", None),
    ],
)
def test_every_call_that_reads_a_process_is_known(line: str, found: tuple[str, bool] | None) -> None:
    assert file_to_change(line.split()) == found


@pytest.mark.parametrize("command", ["create", "exec"])
def test_runc_gets_its_own_words_and_the_changed_file(tmp_path: Path, command: str) -> None:
    folder = tmp_path / "a folder's"
    folder.mkdir()
    runc = folder / "runc"
    runc.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    program = folder / "restricted"
    program.write_text(runtime_text(Path(restricted_runtime.__file__), runc))
    for path in (runc, program):
        path.chmod(0o755)
    config = folder / "config.json"
    config.write_text(json.dumps({"process": PROCESS, "root": {}} if command == "create" else PROCESS))
    words = ["create", "--bundle", str(folder), "id"] if command == "create" else ["exec", "--process", str(config)]
    ended = subprocess.run([program, *words], capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines() == words
    written = json.loads(config.read_text())
    process = written["process"] if command == "create" else written
    assert process["capabilities"] == {"bounding": ["CAP_NET_ADMIN"], "ambient": None}
    assert process["oomScoreAdj"] == 0


@pytest.mark.parametrize("text", ["", "{", "[]", '{"process": 1}', '"x"', "[" * 100_000])
@pytest.mark.parametrize("command", ["create", "exec"])
def test_a_text_that_is_no_specification_is_left_to_runc(text: str, command: str) -> None:
    assert restricted_runtime._changed(text, is_specification=command == "create") in (None, '{"process": 1}')


def test_the_program_survives_any_path(tmp_path: Path) -> None:
    text = runtime_text(tmp_path / "it's; rm -rf $x", tmp_path / "b", tmp_path / "c d")
    line = text.splitlines()[1].removesuffix(' "$@"')
    assert shlex.split(line)[-2:] == [str(tmp_path / "it's; rm -rf $x"), str(tmp_path / "b")]


@pytest.mark.parametrize(("bounding", "lacks"), [("000001ffffffffff", False), ("000001fffeffffff", True)])
def test_the_need_is_detected(tmp_path: Path, bounding: str, lacks: bool) -> None:
    status = tmp_path / "status"
    status.write_text(f"Name:\tx\nCapInh:\t0000000000000000\nCapBnd:\t{bounding}\n")
    assert lacks_resource_capability(status) is lacks
