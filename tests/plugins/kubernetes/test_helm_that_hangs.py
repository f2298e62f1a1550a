"""A helm whose time is up is asked to end and, when its API server hangs and so does it, ended."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from meshfleet.plugins.kubernetes import helm

pytestmark = pytest.mark.proof("an engine that waits for what cannot come is ended within a bound", step=0)

POLITE = "import sys, signal; signal.signal(signal.SIGTERM, lambda *_: (print('stopped'), sys.exit(1)))"
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)"


@pytest.mark.parametrize(("manners", "code", "said"), [(POLITE, 1, "stopped\n"), (DEAF, -9, "")])
def test_it_has_a_moment_to_say_so_and_no_longer(
    manners: str, code: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(helm, "_STOP_SECONDS", 10.0 if code == 1 else 0.2)
    command = [sys.executable, "-c", f"{manners}; print('ready', flush=True); import time; time.sleep(600)"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    output, _ = helm._stopped(process)
    assert (process.returncode, output) == (code, said)


@pytest.mark.proof("no secret is left in a temporary folder", step=0)
def test_the_files_of_a_helm_that_still_runs_go_with_the_plugin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with helm._private_directory() as directory:
        helm._private_file(directory / "kubeconfig", "a secret")
        assert list(tmp_path.rglob("kubeconfig"))
        # What a plugin does whose engine was killed.
        helm.remove_private_files()
        assert list(tmp_path.iterdir()) == []
    helm.remove_private_files()
