"""The program as a shell starts it: closed streams, full disks, signals, no home, no directory, faults of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from meshfleet.automation.reporting.failures import failure_of
from tests.automation.stack_files import ROOT

pytestmark = pytest.mark.proof("every failure is a sentence with the way out, and never a traceback", step=1)

PROGRAM = "from meshfleet.cli.entry_point import main; main()"
VALIDATE = ("validate", "--stack", "dev")


def environment(home: Path, **extra: str) -> dict[str, str]:
    return {"PATH": os.defpath, "PYTHONPATH": str(ROOT), "MESHFLEET_HOME": str(home)} | extra


def run(
    home: Path, *arguments: str, shell: str = 'exec "$@"', program: str = PROGRAM, **extra: str
) -> subprocess.CompletedProcess[str]:
    """The command, started by a shell that may close or redirect its streams first."""
    return subprocess.run(
        ["/bin/sh", "-c", shell, "sh", sys.executable, "-c", program, *arguments],
        cwd=home.parent,
        env=environment(home, **extra),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("shell", "words"),
    [
        ('exec "$@" >/dev/full', "No space left on device; free some space"),
        ('exec "$@" | true; exit 1', "what reads the output of this command has ended"),
    ],
    ids=["full", "reader-gone"],
)
def test_what_cannot_be_written_is_a_sentence_and_exit_1(home: Path, shell: str, words: str) -> None:
    long = "import meshfleet.automation.reporting.output as a; a.json.dumps = lambda *_, **__: 'x' * 200000\n"
    ended = run(home, *VALIDATE, "--json", shell=shell, program=long + PROGRAM)
    assert ended.returncode == 1
    assert words in ended.stderr
    assert ended.stderr.startswith("error: ")
    assert len(ended.stderr.splitlines()) == 1


def test_a_relative_home_below_a_directory_that_is_gone_is_exit_2(home: Path) -> None:
    shell = 'mkdir gone && cd gone && rmdir ../gone && MESHFLEET_HOME=here exec "$@"'
    ended = run(home, *VALIDATE, shell=shell)
    assert ended.returncode == 2
    assert ended.stderr.startswith("MESHFLEET_HOME: cannot be resolved")
    assert ended.stderr.endswith("change to a directory that is there\n")


@pytest.mark.parametrize("shell", ['exec "$@" <&-', 'exec "$@" 2>&-', 'exec "$@" 2>/dev/full', 'exec "$@" <&- 2>&-'])
def test_streams_that_are_closed_stop_nothing(home: Path, shell: str) -> None:
    ended = run(home, *VALIDATE, "--json", shell=shell)
    assert ended.returncode == 0
    assert json.loads(ended.stdout)["ok"]


def test_without_any_stream_the_exit_code_is_still_right(home: Path) -> None:
    assert run(home, *VALIDATE, shell='exec "$@" <&- >&- 2>&-').returncode == 0
    assert run(home, "validate", "--stack", "nowhere", shell='exec "$@" <&- >&- 2>&-').returncode == 2


@pytest.mark.parametrize(
    "extra", [{"LC_ALL": "C"}, {"LC_ALL": "POSIX", "PYTHONIOENCODING": "ascii"}, {"PYTHONUTF8": "0"}]
)
def test_names_that_are_no_text_are_a_sentence_in_every_locale(home: Path, extra: dict[str, str]) -> None:
    name = b"caf\xe9-\xc3\xbc".decode("utf-8", errors="surrogateescape")
    ended = run(home, "validate", "--stack", name, "--json", **extra)
    assert ended.returncode == 2
    assert json.loads(ended.stdout)["faults"][0]["path"] == "--stack"
    assert ended.stderr.startswith("--stack: ")
    assert "is not a stack name" in ended.stderr


def test_a_wrong_command_line_is_exit_2_with_a_line_and_with_json_only_that(home: Path) -> None:
    ended = run(home, "validate", "--json", "--colour")
    assert ended.returncode == 2
    assert json.loads(ended.stdout)["faults"][0]["path"] == "command line"
    assert ended.stderr == "command line: No such option: --colour; see meshfleet validate --help\n"


@pytest.mark.parametrize("early", [True, False], ids=["while-it-loads", "at-work"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_an_interrupt_is_130_and_what_to_do(home: Path, number: signal.Signals, early: bool) -> None:
    ready = "print('ready', file=sys.__stderr__, flush=True)"
    waits = "import meshfleet.automation.session as s, sys, time\n" + (
        f"import meshfleet.cli.entry_point as e\nprepare = e._prepare_streams\n"
        f"e._prepare_streams = lambda: (prepare(), {ready}, time.sleep(1))\n"
        if early
        else f"s.load = lambda *_, **__: ({ready}, time.sleep(60))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", waits + PROGRAM, *VALIDATE],
        env=environment(home),
        cwd=home.parent,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        # What runs in the background of a script ignores interrupts, under nohup hangups too, and all that it starts.
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),  # noqa: PLW1509 - nothing else runs in the child
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "ready\n"
        process.send_signal(number)
        err = process.stderr.read()
        process.wait(timeout=30)
    assert process.returncode == 130
    assert err == "error: interrupted; completed changes are kept, run the same command again\n"


def test_a_fault_of_its_own_is_a_sentence_and_its_traceback_is_private(home: Path) -> None:
    key = "-----BEGIN PRIVATE KEY-----\\nc2VjcmV0\\n-----END PRIVATE KEY-----"
    raising = f"def load(*_, **__): raise KeyError('''{key}''')\n"
    breaks = f"import meshfleet.automation.session as s\n{raising}s.load = load\n"
    ended = run(home, *VALIDATE, "--json", program=breaks + PROGRAM)
    assert ended.returncode == 1
    log = home / "fault.log"
    (message,) = json.loads(ended.stdout)["errors"]
    assert message.startswith("internal error of meshfleet (KeyError in <string>:")
    assert str(log) in message
    assert "meshfleet collect" in message
    assert "Traceback" not in ended.stderr
    assert "Traceback" in log.read_text(encoding="utf-8")
    assert "c2VjcmV0" not in log.read_text(encoding="utf-8")
    assert log.stat().st_mode & 0o077 == 0


def test_what_fails_in_a_thread_is_not_printed_but_kept(home: Path) -> None:
    breaks = (
        "import meshfleet.automation.session as s, threading\nload = s.load\n"
        "def broken(*given, **more):\n"
        "    thread = threading.Thread(target=lambda: 1 / 0); thread.start(); thread.join()\n"
        "    return load(*given, **more)\n"
        "s.load = broken\n"
    )
    ended = run(home, *VALIDATE, program=breaks + PROGRAM)
    assert ended.returncode == 0
    assert "Traceback" not in ended.stderr
    assert "ZeroDivisionError" in (home / "fault.log").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "error",
    [
        OSError(28, "No space left on device"),
        OSError(28, "No space left on device", "/a/file"),
        FileNotFoundError(2, "No such file or directory"),
        OSError("odd"),
        BrokenPipeError(),
        MemoryError(),
        UnicodeEncodeError("ascii", "ü", 0, 1, "no"),
        subprocess.TimeoutExpired(["/bin/tool"], 3),
        subprocess.CalledProcessError(4, ["/bin/tool"]),
        ModuleNotFoundError("no", name="pulumi"),
        KeyboardInterrupt(),
    ],
    ids=repr,
)
def test_every_error_of_the_system_has_a_sentence_with_a_way_out(error: BaseException) -> None:
    failure = failure_of(error)
    assert failure is not None
    (sentence,) = failure.errors
    assert "\n" not in sentence
    assert "; " in sentence
    assert failure.code in {1, 130}


def test_an_error_that_the_system_cannot_give_is_a_fault_of_the_program() -> None:
    assert failure_of(KeyError("x")) is None
    assert failure_of(RecursionError()) is None
