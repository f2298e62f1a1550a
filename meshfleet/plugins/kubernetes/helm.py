"""Running the helm binary for one cluster: its kubeconfig and values in private files, its failures in words."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from meshfleet.errors import ReleaseError, ToolchainError
from meshfleet.plugins.kubernetes.settings import Settings
from meshfleet.plugins.kubernetes.values import JsonObject
from meshfleet.processes.child_environment import chart_environment

# Stopped, it marks its release as failed, for which it needs an API server that responds.
_STOP_SECONDS: Final = 30.0
# Helm's own limits (20 requests a second) make it wait for itself on charts with many objects.
_LIMITS: Final = ("--burst-limit", "1000", "--qps", "1000")
_PRIVATE: Final[set[Path]] = set()


class Helm:
    """The helm binary, pointed at the cluster of a provider's settings."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._running: set[subprocess.Popen[str]] = set()
        self._guard = threading.Lock()

    def cancel(self) -> None:
        """Ask every running helm to end; it marks its release as failed first."""
        with self._guard:
            for process in self._running:
                process.send_signal(signal.SIGTERM)

    def run(
        self,
        namespace: str,
        release: str,
        arguments: Sequence[str],
        values: JsonObject | None,
        seconds: float,
    ) -> str:
        """Run helm on a release and return its standard output.

        `values` become a file of their own; `seconds` bounds, with a margin, helm's own run. Raises ReleaseError with
        helm's own words, ToolchainError without helm.
        """
        from meshfleet.plugins.kubernetes.access import provider_access

        binary = _binary()
        with _private_directory() as directory:
            # What the client has of it, so that both are the same user at the same server.
            access = provider_access(self._settings)
            command = [
                binary,
                *arguments,
                "--namespace",
                namespace,
                *_LIMITS,
                "--kubeconfig",
                str(_private_file(directory / "kubeconfig", access.text)),
            ]
            if values is not None:
                command += [
                    "--values",
                    str(_private_file(directory / "values.json", json.dumps(values))),
                ]
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env=chart_environment(urlsplit(access.server).hostname or ""),
            )
            with self._guard:
                self._running.add(process)
            try:
                output, errors = process.communicate(timeout=seconds + 60)
            except subprocess.TimeoutExpired:
                output, errors = _stopped(process)
                errors = f"helm did not exit within {seconds + 60:g} s and was stopped\n{errors}"
            finally:
                with self._guard:
                    self._running.discard(process)
        if process.returncode != 0:
            lines = [line for line in errors.splitlines() if line.strip() and not line.startswith("WARNING:")]
            said = "; ".join(line.removeprefix("Error: ") for line in lines) or f"exit code {process.returncode}"
            raise ReleaseError(f"helm {arguments[0]} of release {namespace}/{release} failed: {said}")
        return output


def _stopped(process: subprocess.Popen[str]) -> tuple[str, str]:
    """What a helm said whose time is up; it is asked to end, and ended if it does not."""
    process.terminate()
    try:
        return process.communicate(timeout=_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.communicate()


def _binary() -> str:
    """The helm of this project's toolchain, else the one on PATH."""
    tools = os.environ.get("MESHFLEET_TOOLS")
    if tools and os.access(Path(tools) / "helm", os.X_OK):
        return str(Path(tools) / "helm")
    found = shutil.which("helm")
    if found is None:
        raise ToolchainError(
            "there is no helm in MESHFLEET_TOOLS nor on PATH: run ./scripts/up, or install helm 3.13 or later"
        )
    return found


@contextmanager
def _private_directory() -> Iterator[Path]:
    # What a killed run leaves goes with the folder for temporary files that a command made for it, or else with the
    # home of the fleet, where there is one. Its mode is 0700.
    folder = None if "TMPDIR" in os.environ else os.environ.get("MESHFLEET_HOME")
    path = Path(tempfile.mkdtemp(prefix="meshfleet-helm-", dir=folder))
    _PRIVATE.add(path)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        _PRIVATE.discard(path)


def remove_private_files() -> None:
    """Remove the kubeconfigs and values of helms that still run, which have read them: this process is about to end."""
    for path in tuple(_PRIVATE):
        shutil.rmtree(path, ignore_errors=True)


def _private_file(path: Path, text: str) -> Path:
    with os.fdopen(
        os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600),
        "w",
        encoding="utf-8",
    ) as file:
        file.write(text)
    return path
