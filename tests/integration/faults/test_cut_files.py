"""A power cut that takes what was written last, of etcd and of Pulumi: every answer has a way out, and it works.

Records of our own are written so that a cut leaves the old or the new one (tests/files/test_power_cuts.py).
`MESHFLEET_SWEEP=full` cuts at all points; otherwise at one of each outcome.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from meshfleet.testing import CommandResult, Sandbox, small_fleet
from tests.integration.clone import Clone
from tests.integration.faults.killing import cut_power

pytestmark = [
    pytest.mark.extended,
    pytest.mark.proof("after a power cut up goes on, or names what is damaged with the way out", step=3),
]

STACK = "cut"
CLUSTER = f"fleets/{STACK}/clusters/only"
DATA = f"{CLUSTER}/kwok/clusters/only/etcd/member"
STATE = f"state/.pulumi/stacks/meshfleet/{STACK}.json"
KEPT = ("fleets", "state", "reservations.json")
WHOLE = os.environ.get("MESHFLEET_SWEEP") == "full"


@dataclass(frozen=True)
class Cut:
    """A file of which `share` of what is in it is left, less `bytes_` at the end; with `zeros` it keeps its length."""

    pattern: str
    share: float = 1.0
    bytes_: int = 0
    zeros: bool = False

    def __str__(self) -> str:
        return f"{self.pattern.rpartition('/')[2]} {self.share} -{self.bytes_}{' zeros' if self.zeros else ''}"

    def apply(self, home: Path) -> Path:
        """Cut the file below a home; its path."""
        (path,) = home.glob(self.pattern)
        content = path.read_bytes()
        left = int(len(content.rstrip(b"\0")) * self.share) - self.bytes_
        path.write_bytes(content[:left] + (b"\0" * (len(content) - left) if self.zeros else b""))
        return path


LOG, DATABASE = f"{DATA}/wal/*.wal", f"{DATA}/snap/db"
# What etcd repairs, and what it refuses; states that were cut are restored in test_damaged_home.py too.
USUAL = (Cut(LOG, bytes_=3), Cut(LOG, share=0))
CUTS = (
    *USUAL,
    *(Cut(LOG, share=share) for share in (0.3, 0.7, 0.9)),
    *(Cut(LOG, bytes_=count, zeros=True) for count in (1, 100, 5000)),
    *(Cut(DATABASE, share=share) for share in (0, 0.1, 0.5)),
    *(Cut(DATABASE, bytes_=count) for count in (1, 4096)),
    *(Cut(STATE, share=share) for share in (0, 0.5, 0.99)),
    Cut(STATE, bytes_=1),
    Cut(STATE, share=0.5, zeros=True),
)


@pytest.fixture(scope="module")
def stopped(clone: Clone) -> Iterator[tuple[Sandbox, Path]]:
    """A fleet of which nothing runs, as after a power cut in an `up`, and a copy of what is on the disk."""
    with clone.sandbox() as sandbox:
        clone.write_stack(STACK, small_fleet("only"))
        sandbox.meshfleet("up", "--stack", STACK)
        sandbox.meshfleet("status", "--stack", STACK)
        sandbox.kubectl(STACK, "only", "create", "configmap", "mine", "--from-literal=kept=yes")
        # What the cut of a log takes is what was written last.
        sandbox.kubectl(STACK, "only", "create", "configmap", "last", "--from-literal=kept=perhaps")
        cut_power(sandbox, STACK)
        (sandbox.home / "fleets" / STACK / "command.json").write_text("{", encoding="utf-8")
        saved = sandbox.folder / "saved"
        saved.mkdir()
        for name in KEPT:
            copy(sandbox.home / name, saved / name)
        yield sandbox, saved


def copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns("*.sock"))
    else:
        shutil.copy2(source, target)


@pytest.mark.parametrize("cut", CUTS if WHOLE else USUAL, ids=str)
def test_what_was_cut_is_repaired_or_the_way_out_that_is_named_works(stopped: tuple[Sandbox, Path], cut: Cut) -> None:
    sandbox, saved = stopped
    for name in KEPT:
        remove(sandbox.home / name)
        copy(saved / name, sandbox.home / name)
    # A directory that was copied is another one, which would be given an identity of its own.
    cut.apply(sandbox.home)
    try:
        ran = sandbox.meshfleet("up", "--stack", STACK, "--json", expect=None)
        if ran.code:
            follow(sandbox, ran)
        else:
            assert sandbox.get(STACK, "only", "configmap", "mine")["data"] == {"kept": "yes"}
        assert sandbox.meshfleet("verify", "--stack", STACK, "--json").report["ok"]
    finally:
        cut_power(sandbox, STACK)


def follow(sandbox: Sandbox, ran: CommandResult) -> None:
    """Do what the message of a command says, after which it succeeds."""
    assert ran.code == 1
    assert "Traceback" not in ran.err
    text = " ".join(ran.err.split())
    if "--restore-state" in text:
        sandbox.meshfleet("up", "--stack", STACK, "--restore-state", "--json")
        assert sandbox.get(STACK, "only", "configmap", "mine")["data"] == {"kept": "yes"}
        return
    named = re.search(
        r"give up what the stack does not have in the cluster: remove (\S+) and run the same command", text
    )
    assert named, ran.text
    directory = Path(named[1])
    assert directory == sandbox.home / CLUSTER
    # An etcd that hangs may still run there.
    shutil.rmtree(directory)
    sandbox.meshfleet("up", "--stack", STACK, "--json")


def remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
