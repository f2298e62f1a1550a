"""What a node agent keeps in files may be damaged: a sentence says so, or it is written again; never a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from meshfleet.dataplane.machine.machine import Machine
from meshfleet.dataplane.network.place import Place
from meshfleet.dataplane.node import agent as agents
from meshfleet.dataplane.node.__main__ import kubeconfig_in
from meshfleet.dataplane.node.agent import Agent
from meshfleet.dataplane.node.pod_run import PodRun
from meshfleet.errors import FileError
from meshfleet.workspace.home import Workspace

pytestmark = pytest.mark.proof("damaged files lose nothing and are named", step=0)

ROOT = Path(__file__).parents[3]
DAMAGES: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "zeros": lambda path: path.write_bytes(b"\0" * 16),
    "no text": lambda path: path.write_bytes(b"\xff\xfe\x00"),
    "long": lambda path: path.write_bytes(b"1" * 100_000),
    "a directory": lambda path: path.mkdir(),
    "a link": lambda path: path.symlink_to("/dev/zero"),
    "a pipe": os.mkfifo,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_pod_whose_kept_address_is_damaged_gets_another_and_no_other_pod_does(
    damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agents, "pods_directory", lambda *_: tmp_path)
    for uid in ("whole", "damaged"):
        (tmp_path / uid).mkdir()
    (tmp_path / "whole" / "address").write_text("100.64.0.1", encoding="utf-8")
    DAMAGES[damage](tmp_path / "damaged" / "address")
    said: list[str] = []
    node = SimpleNamespace(pods="100.64.0.0/26", cluster="west")
    found = cast("Any", SimpleNamespace)(place=Place("0" * 8), node=node, said=said.append, _pods={}, name="west-0")
    found._kept_address = lambda path: Agent._kept_address(found, path)
    assert Agent._address_of(found, "damaged") == "100.64.0.2"
    assert Agent._address_of(found, "whole") == "100.64.0.1"
    assert all("damaged" in line for line in said)
    assert said


@pytest.mark.parametrize("damage", sorted({*DAMAGES, "absent"} - {"long"}))
def test_an_agent_without_its_kubeconfig_ends_with_a_sentence(damage: str, tmp_path: Path) -> None:
    if damage != "absent":
        DAMAGES[damage](tmp_path / "kubeconfig")
    with pytest.raises(FileError, match=f"{tmp_path}/kubeconfig: "):
        kubeconfig_in(tmp_path)


def test_an_agent_whose_files_are_gone_writes_a_sentence_into_its_log(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "meshfleet.dataplane.node", "dev", "west"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "MESHFLEET_HOME": str(tmp_path / "checkout" / "\n")},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ran.returncode == 1
    assert "Traceback" not in ran.stderr
    assert "control character" in ran.stderr


@pytest.mark.parametrize("damage", ["empty", "zeros", "no text", "long"])
def test_names_of_a_pod_that_are_damaged_are_written_again_in_the_same_file(damage: str, tmp_path: Path) -> None:
    DAMAGES[damage](tmp_path / "hosts")
    inode = (tmp_path / "hosts").stat().st_ino
    pod = SimpleNamespace(metadata=SimpleNamespace(name="echo", namespace="sample"), spec=None)
    run = cast("Any", SimpleNamespace)(pod=pod, address="100.64.0.1", hosts=lambda: "", directory=tmp_path)
    PodRun._write_names(run)
    assert (tmp_path / "hosts").read_text(encoding="utf-8") == "127.0.0.1 localhost\n100.64.0.1 echo\n"
    assert (tmp_path / "hosts").stat().st_ino == inode


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_a_machine_has_logged_is_read_with_a_bound_or_not_at_all(
    damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "log"
    DAMAGES[damage](log)
    monkeypatch.setattr(Machine, "log", log)
    assert len(Machine(Workspace("dev", tmp_path), "billing").said()) <= 100_000
