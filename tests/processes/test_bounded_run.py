"""Every program that is run to its end has a bound in time and in what it prints, in one place."""

from __future__ import annotations

import ast
import sys
import time
from pathlib import Path

import psutil
import pytest

from meshfleet.errors import ProcessError
from meshfleet.processes.bounded_run import OverdueError, run_bounded
from meshfleet.processes.waiting import NotYetError, wait_until
from tests.syntax_trees import nodes

pytestmark = pytest.mark.proof("every program, read and wait has a bound", step=0)

ROOT = Path(__file__).resolve().parents[2]
# Runs the command for tests as a user does, with limits of its own.
HARNESS = ROOT / "meshfleet" / "testing"
PACKAGES = ("meshfleet", "components")


def python(text: str) -> list[str]:
    return [sys.executable, "-c", text]


def test_what_a_program_prints_and_how_it_ends_comes_back() -> None:
    ended = run_bounded(python("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"), seconds=30)
    assert (ended.code, ended.out, ended.err) == (3, "out\n", "err\n")


def test_input_larger_than_a_pipe_is_given_whole() -> None:
    ended = run_bounded(python("import sys; print(len(sys.stdin.read()))"), seconds=30, stdin="x" * 1_000_000)
    assert ended.out == "1000000\n"


def test_a_program_that_reads_nothing_of_its_input_is_no_error() -> None:
    assert run_bounded(["/bin/true"], seconds=30, stdin="x" * 1_000_000).code == 0


def require_ended(pid: int) -> None:
    """The kernel ends a killed process at its next turn; a zombie has ended. Raises NotYetError."""
    try:
        if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
            raise NotYetError(f"process {pid} runs")
    except psutil.NoSuchProcess:
        return


def test_one_that_never_ends_is_ended_with_its_children(tmp_path: Path) -> None:
    note = tmp_path / "child"
    text = (
        "import subprocess, sys, time\n"
        f"child = subprocess.Popen(['sleep', '600']); open({str(note)!r}, 'w').write(str(child.pid)); time.sleep(600)"
    )
    start = time.monotonic()
    with pytest.raises(OverdueError, match=r"did not exit within 2 s and was terminated; check what it waits for"):
        run_bounded(python(text), seconds=2)
    assert time.monotonic() - start < 20
    child = int(note.read_text(encoding="ascii"))
    wait_until(lambda: require_ended(child), f"process {child} to end", 10, "its parent was ended without it")


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_one_that_prints_without_end_is_ended(stream: str) -> None:
    text = f"import sys\nwhile True: sys.{stream}.write('x' * 65536)"
    with pytest.raises(ProcessError, match="printed more than 1000000 bytes and was terminated"):
        run_bounded(python(text), seconds=60, limit=1_000_000)


def test_one_whose_grandchild_keeps_the_outputs_open_is_bounded_too() -> None:
    with pytest.raises(OverdueError):
        run_bounded(["/bin/sh", "-c", "sleep 600 & exit 0"], seconds=1)


def test_one_that_cannot_be_started_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProcessError, match="nowhere cannot be started: No such file or directory; check"):
        run_bounded([str(tmp_path / "nowhere")], seconds=1)


def calls(path: Path) -> list[tuple[str, ast.Call]]:
    return [
        (f"{ast.unparse(node.func.value)}.{node.func.attr}", node)
        for node in nodes(path)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    ]


def test_no_program_is_run_in_another_way_and_no_end_is_awaited_without_a_bound() -> None:
    faults = []
    for path in sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py")):
        if HARNESS in path.parents:
            continue
        for name, call in calls(path):
            place = f"{path.relative_to(ROOT)}:{call.lineno}: {name}"
            if name in {"subprocess.run", "subprocess.check_output", "subprocess.check_call", "os.system", "os.popen"}:
                faults.append(place)
            bounded = call.args or any(keyword.arg in {"timeout", "seconds"} for keyword in call.keywords)
            if name.endswith((".wait", ".communicate")) and not bounded:
                faults.append(place)
    assert [fault for fault in faults if fault.partition(": ")[2] not in UNBOUNDED] == []


# Waits whose end is that of the process itself, and why.
UNBOUNDED = {
    "started.wait": "a thread that only collects the exit status",
    "shared.wait": "the server of the plugins, which ends with its engine",
    "process.communicate": "helm after SIGKILL",
}
