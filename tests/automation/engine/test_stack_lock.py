"""One command at a time on a stack; what a killed one leaves behind is told apart and mended."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from meshfleet.automation.checkout import PROJECT, Checkout
from meshfleet.automation.engine import lock
from meshfleet.automation.engine.lock import locked
from meshfleet.errors import LockedError
from tests.automation.stack_files import ROOT

pytestmark = pytest.mark.proof("one command at a time on a stack, and going on after a killed one", step=0)


def engine_lock(checkout: Checkout, content: object, stack: str = "dev") -> Path:
    """A lock as Pulumi's local backend writes it."""
    path = checkout.state / ".pulumi" / "locks" / "organization" / PROJECT / stack / "0f3.json"
    path.parent.mkdir(parents=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def said_by(pid: int, host: str = "") -> dict[str, object]:
    return {"pid": pid, "username": "x", "hostname": host or socket.gethostname(), "timestamp": "2026-11-23"}


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process called pulumi that waits for its standard input to end."""
    program = shutil.copy(shutil.which("cat") or "/bin/cat", tmp_path / "pulumi")
    with subprocess.Popen([program], stdin=subprocess.PIPE) as process:
        yield process


def test_the_second_command_reports_at_once_what_holds_the_stack(checkout: Checkout) -> None:
    with locked(checkout, "dev", "up"), pytest.raises(LockedError) as caught:
        locked(checkout, "dev", "destroy").__enter__()
    assert str(caught.value) == (f"the stack dev is in use by meshfleet up (process {os.getpid()}); wait for it to end")


def test_another_stack_is_free_and_so_is_this_one_afterwards(checkout: Checkout) -> None:
    with locked(checkout, "dev", "up"), locked(checkout, "test", "up") as other:
        assert not other.interrupted
    with locked(checkout, "dev", "up") as again:
        assert not again.interrupted


def test_a_command_that_failed_was_not_interrupted(checkout: Checkout) -> None:
    with pytest.raises(ZeroDivisionError), locked(checkout, "dev", "up"):
        raise ZeroDivisionError
    with locked(checkout, "dev", "up") as again:
        assert not again.interrupted


def test_a_killed_command_is_distinguished_from_one_that_ended(checkout: Checkout) -> None:
    program = (
        "import os, signal, sys; from pathlib import Path\n"
        "from meshfleet.automation.checkout import Checkout; from meshfleet.automation.engine.lock import locked\n"
        "with locked(Checkout(Path(sys.argv[1]), Path(sys.argv[2])), 'dev', 'up'):\n"
        "    os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run(
        [sys.executable, "-c", program, str(checkout.root), str(checkout.home)],
        cwd=ROOT,
        timeout=60,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    with locked(checkout, "dev", "up") as after:
        assert after.interrupted
    with locked(checkout, "dev", "up") as later:
        assert not later.interrupted


@pytest.mark.parametrize("fails", [True, False])
def test_what_a_command_could_not_settle_is_reported_by_the_next(checkout: Checkout, fails: bool) -> None:
    (checkout.workspace("dev").claim() / "command.json").write_text("", encoding="utf-8")
    with pytest.raises(ZeroDivisionError) if fails else nullcontext(), locked(checkout, "dev", "up") as lock:
        assert lock.interrupted
        lock.unsettled = True
        assert not fails or 1 / 0
    with locked(checkout, "dev", "up") as again:
        assert again.interrupted
    with locked(checkout, "dev", "up") as later:
        assert not later.interrupted


def test_a_damaged_note_of_the_holder_still_gives_a_sentence(checkout: Checkout) -> None:
    with locked(checkout, "dev", "up"):
        (checkout.fleet("dev") / "command.json").write_text("{", encoding="utf-8")
        with pytest.raises(LockedError, match="in use by another meshfleet command; wait for it to end"):
            locked(checkout, "dev", "up").__enter__()


def test_the_lock_of_an_engine_that_is_gone_is_removed(checkout: Checkout) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait(timeout=60)
    path = engine_lock(checkout, said_by(gone.pid))
    with locked(checkout, "dev", "up"):
        assert not path.exists()


def test_a_lock_whose_number_another_program_has_now_is_removed(checkout: Checkout) -> None:
    path = engine_lock(checkout, said_by(os.getpid()))
    with locked(checkout, "dev", "up"):
        assert not path.exists()


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"pid": -1}'])
def test_a_damaged_lock_is_removed(content: str, checkout: Checkout) -> None:
    path = engine_lock(checkout, content)
    with locked(checkout, "dev", "up"):
        assert not path.exists()


def test_the_lock_of_another_stack_is_left_alone(checkout: Checkout) -> None:
    path = engine_lock(checkout, "", stack="test")
    with locked(checkout, "dev", "up"):
        assert path.exists()


def test_a_lock_of_another_machine_is_refused_and_kept(checkout: Checkout) -> None:
    path = engine_lock(checkout, said_by(1, "elsewhere.example"))
    with pytest.raises(LockedError, match=r"locked by process 1 on elsewhere\.example") as caught:
        locked(checkout, "dev", "up").__enter__()
    assert f"remove {path}" in str(caught.value)
    assert path.exists()


def test_an_engine_that_somebody_runs_by_hand_is_named_and_left_alone(
    checkout: Checkout, engine: subprocess.Popen[bytes]
) -> None:
    path = engine_lock(checkout, said_by(engine.pid))
    with pytest.raises(LockedError, match=rf"pulumi \(process {engine.pid}\).*kill {engine.pid}"):
        locked(checkout, "dev", "up").__enter__()
    assert path.exists()
    assert engine.poll() is None
    # Nothing of it is held: the next one may try.
    path.unlink()
    with locked(checkout, "dev", "up") as again:
        assert not again.interrupted


def test_the_engine_of_a_killed_command_is_waited_for_and_no_longer_than_the_bound(
    checkout: Checkout, engine: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = engine_lock(checkout, said_by(engine.pid))
    checkout.fleet("dev").mkdir(parents=True)
    (checkout.fleet("dev") / "command.json").write_text('{"pid": 1, "command": "up"}', encoding="utf-8")
    monkeypatch.setattr(lock, "ENGINE_SECONDS", 0.1)
    with pytest.raises(LockedError, match=rf"kill {engine.pid}"):
        locked(checkout, "dev", "up").__enter__()
    # That it was killed is still known after a refusal.
    assert engine.stdin is not None
    engine.stdin.close()
    monkeypatch.setattr(lock, "ENGINE_SECONDS", 60)
    with locked(checkout, "dev", "up") as after:
        assert after.interrupted
        assert not path.exists()


@pytest.mark.parametrize(
    ("named", "whose", "waited_for"),
    [("dev", "", True), ("other", "", False), ("dev", "elsewhere", False)],
    ids=["this stack", "another stack", "another checkout"],
)
def test_an_engine_that_a_killed_command_has_only_just_started_is_waited_for_before_it_holds_a_lock(
    named: str, whose: str, waited_for: bool, checkout: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout.fleet("dev").mkdir(parents=True)
    (checkout.fleet("dev") / "command.json").write_text('{"pid": 1, "command": "up"}', encoding="utf-8")
    program = shutil.copy(sys.executable, tmp_path / "pulumi")
    line = [program, "-c", "import sys; print(flush=True); sys.stdin.read()", "--stack", named]
    environment = {"MESHFLEET_HOME": whose or str(checkout.home), "PYTHONHOME": sys.base_prefix}
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        monkeypatch.setattr(lock, "ENGINE_SECONDS", 0.1)
        if waited_for:
            with pytest.raises(LockedError, match=rf"kill {process.pid}"):
                locked(checkout, "dev", "up").__enter__()
            process.stdin.close()
            monkeypatch.setattr(lock, "ENGINE_SECONDS", 60)
        with locked(checkout, "dev", "up") as after:
            assert after.interrupted
            assert (process.poll() is None) is not waited_for


def test_an_engine_that_ended_and_that_nobody_collected_holds_nothing(
    checkout: Checkout, engine: subprocess.Popen[bytes]
) -> None:
    path = engine_lock(checkout, said_by(engine.pid))
    engine.kill()
    # Ended, but not collected: `os.wait` without WNOWAIT would collect it.
    os.waitid(os.P_PID, engine.pid, os.WEXITED | os.WNOWAIT)
    with locked(checkout, "dev", "up"):
        assert not path.exists()
