"""Garbage is looked for less often in every program of this project, and never more often than it was."""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from meshfleet.processes.garbage_collection import collect_less_often

pytestmark = pytest.mark.proof("commands and plugins look for garbage less often", step=0)

ROOT = Path(__file__).parents[2]
SHOWN = "import atexit, gc, sys; atexit.register(lambda: sys.stderr.write(f'threshold {gc.get_threshold()[0]}'))\n"


@pytest.fixture
def thresholds() -> Iterator[tuple[int, int, int]]:
    """Those of this process, which are put back."""
    found = gc.get_threshold()
    yield found
    gc.set_threshold(*found)


@pytest.mark.parametrize("before, after", [(700, 100_000), (2000, 100_000), (5_000_000, 5_000_000)])
def test_a_threshold_is_raised_and_never_lowered(thresholds: tuple[int, int, int], before: int, after: int) -> None:
    gc.set_threshold(before, *thresholds[1:])
    collect_less_often()
    assert gc.get_threshold() == (after, *thresholds[1:])


def test_a_disabled_collector_stays_disabled(thresholds: tuple[int, int, int]) -> None:
    gc.disable()
    try:
        collect_less_often()
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_the_command_raises_it() -> None:
    program = SHOWN + "from meshfleet.cli.entry_point import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "--version"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "threshold 100000")


@pytest.mark.parametrize("module", ["meshfleet.plugins.meshfleet", "meshfleet.plugins.kubernetes"])
def test_a_plugin_raises_it(module: str) -> None:
    # It serves until its engine is gone, which is said here once it has started.
    program = (
        f"import gc, sys\nfrom meshfleet.plugins import serve\nfrom importlib import import_module\n"
        "serve.serve = lambda *_: sys.stderr.write(f'threshold {gc.get_threshold()[0]}')\n"
        f"import_module('{module}.__main__').main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "threshold 100000")
