"""The processes of one embedded cluster: made by kwokctl, looked at, started again, ended.

kwokctl (https://kwok.sigs.k8s.io/docs/user/kwokctl-manage-cluster/) makes the certificates, works out every
component's arguments and starts them the first time. Afterwards they are started from what it wrote down,
because `kwokctl start` believes its pid files, which after a reboot may name other processes.
"""

from __future__ import annotations

import os
import shutil
import ssl
import subprocess
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from meshfleet.embedded.cluster_record import notes as read_notes
from meshfleet.embedded.cluster_spec import COMPONENTS, TOOLS, closed_arguments, is_closed
from meshfleet.embedded.etcd_log import reason_in, refuses_data, waits_for_data
from meshfleet.embedded.garbage_collection import collection
from meshfleet.errors import EndedError, FileError, ProcessError
from meshfleet.files import read_tail, sync, sync_tree, write_file
from meshfleet.kube.health import ask
from meshfleet.processes.waiting import NotYetError, wait_until
from meshfleet.toolchain.tools import link_tools
from meshfleet.workspace import fleet_processes as processes
from meshfleet.workspace.fleet_identity import variables_of
from meshfleet.workspace.home import remove_directory
from meshfleet.workspace.plain_path import plain_path

if TYPE_CHECKING:
    import psutil

_ROUNDS: Final = 5
# A disk with less space than this is full to every component: etcd begins with 64 MB.
_FULL_BYTES: Final = 1024 * 1024
_LOG_BYTES: Final = 1024 * 1024
SERVERS: Final = ("etcd", "kube-apiserver")


@dataclass(frozen=True)
class ControlPlane:
    """The files and processes of cluster `name` in `directory`."""

    name: str
    directory: Path

    @property
    def _files(self) -> Path:
        # KWOK_WORKDIR/clusters/NAME is kwokctl's own layout.
        return self.directory / "kwok" / "clusters" / self.name

    @property
    def certificate_authority(self) -> Path:
        """PEM file: who signed the API server's certificate."""
        return self._files / "pki" / "ca.crt"

    @property
    def administrator_certificate(self) -> Path:
        """PEM file of a client of group system:masters."""
        return self._files / "pki" / "admin.crt"

    @property
    def administrator_key(self) -> Path:
        """PEM file: the key to it."""
        return self._files / "pki" / "admin.key"

    def log(self, component: str) -> Path:
        """Where a component writes."""
        return self._files / "logs" / f"{component}.log"

    def make(self, configuration: str, seconds: float) -> None:
        """Have kwokctl make the cluster from a configuration and start its processes, in at most `seconds`.

        Raises ProcessError with the end of the log of kwokctl, or of the server that ended while it was waiting.
        """
        link_tools(self.directory / "bin", {"kwokctl": "kwokctl"})
        place = plain_path(self.directory)
        settings = place / "kwokctl.yaml"
        log = self.directory / "kwokctl.log"
        arguments = ["create", "cluster", "--name", self.name, "--config", str(settings), "--kubeconfig", ""]
        environment = {
            "HOME": str(place / "kwok"),
            # At a space it would cut the path.
            "KWOK_WORKDIR": str(place / "kwok"),
            "PATH": os.defpath,
            # kwokctl hands it to the components that it starts.
            **collection(),
            **variables_of(self.directory),
        }
        write_file(self.directory / "kwokctl.yaml", configuration)
        with processes.open_log(log) as output:
            try:
                kwokctl = subprocess.Popen(
                    [str(place / "bin" / "kwokctl"), *arguments],
                    cwd=self.directory,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                    # It writes keys.
                    umask=0o077,
                )
            except OSError as error:
                raise ProcessError(f"{self.name}: kwokctl cannot be started ({error.strerror})") from error
        with kwokctl:
            try:
                self._wait_until_made(kwokctl, log, seconds)
            except BaseException:
                kwokctl.kill()
                raise

    def _wait_until_made(self, kwokctl: subprocess.Popen[bytes], log: Path, seconds: float) -> None:
        def made() -> int:
            code = kwokctl.poll()
            if code is not None:
                return code
            # It would wait two minutes for a server that is dead already.
            started = [name for name in SERVERS if (self._files / "pids" / f"{name}.pid").exists()]
            for name in set(started) & set(self.stopped()):
                raise ProcessError(f"{self.name}: {name} exited while starting; {self.evidence(name)}")
            raise NotYetError("it is still at it")

        code = wait_until(
            made,
            f"kwokctl to create cluster {self.name}",
            seconds,
            f"check {log} and {self.log('kube-apiserver')}, and run the same command again",
        )
        if code != 0:
            raise ProcessError(f"{self.name}: kwokctl exited with {code}; {self._told(log)}")

    def stopped(self) -> tuple[str, ...]:
        """The components that do not run, in the order of COMPONENTS.

        A program that is being started is for a moment neither its parent nor itself, so what is missing is looked
        for twice before it counts.
        """
        once = missing(processes.find(self.directory))
        again = missing(processes.find(self.directory)) if once else ()
        return tuple(name for name in once if name in again)

    def open_to_others(self) -> tuple[str, ...]:
        """The components that run and serve every user of the machine, as those of earlier versions did."""
        running = processes.find(self.directory)
        return tuple(name for name in COMPONENTS if not all(map(_keeps_out, running.get(name, ()))))

    def end_clients(self) -> None:
        """End all but etcd and the API server, to be started again after an outage of the API server.

        A client waits ever longer for an API server that does not respond, up to half a minute: until then no
        pod would be scheduled. One that has just started asks at once.
        """
        running = processes.find(self.directory)
        clients = [process for name, same in running.items() if name not in SERVERS for process in same]
        processes.end(clients, grace=0)

    def start(self, components: Collection[str], release: str) -> None:
        """Start these components as kwokctl wrote them down, with what today's toolchain has of a Kubernetes `release`.

        Raises FileError when its notes are damaged, ProcessError when a program cannot be started.
        """
        link_tools(self._files / "bin", TOOLS, release)
        files = plain_path(self._files)
        notes = read_notes(self.directory, self.name)
        for name in COMPONENTS:
            if name not in components:
                continue
            environment = {"HOME": str(self.directory), "PATH": os.defpath, **collection()}
            # Written under the path that the cluster was made with, which may have been moved since.
            written = str(notes[name].get("workDir") or self._files)
            arguments = [str(argument).replace(written, str(files)) for argument in notes[name]["args"]]
            program = files / "bin" / name
            try:
                processes.start(program, closed_arguments(name, arguments), files, self.log(name), environment)
            except EndedError as error:
                # On a busy machine one that refuses its data may be gone before it was seen.
                raise ProcessError(f"{self.name}: {name} exited while starting; {self.evidence(name)}") from error

    def wait_until_ready(self, server: str, release: str, seconds: float) -> None:
        """Wait until the API server at `server` (a URL) is ready, and start every component that does not run.

        `release` is that of Kubernetes.

        Raises what `wait_for_server` raises, and ProcessError when a component does not keep running.
        """
        self.wait_for_server(server, seconds)
        self._settle(release)

    def wait_for_server(self, server: str, seconds: float) -> None:
        """Wait until the API server at `server` (a URL) is ready.

        Raises ProcessError when etcd or the API server ends before, with the end of its log, or when the time
        is up.
        """
        context = ssl.create_default_context(cafile=self.certificate_authority)

        def ready() -> None:
            stopped = self.stopped()
            for name in SERVERS:
                if name in stopped:
                    raise ProcessError(f"{self.name}: {name} exited while starting; {self.evidence(name)}")
            ask(f"{server}/readyz", context)

        wait_until(
            ready,
            f"the API server of cluster {self.name} to return ok at {server}/readyz",
            seconds,
            f"check {self.log('kube-apiserver')}; where its data is damaged, {self._way_out()}",
        )

    def _settle(self, release: str) -> None:
        """Controllers that lost patience with an API server that was still starting are started again."""
        again = self.stopped()
        if not again:
            return
        self.start(again, release)

        def running() -> None:
            stopped = self.stopped()
            if stopped:
                raise ProcessError(f"{self.name}: {stopped[0]} exited while starting; {self.evidence(stopped[0])}")

        running()

    def evidence(self, component: str) -> str:
        """Why a component ended: the end of its log, that the disk is full, or that etcd cannot use its data."""
        return self._unusable_data(component) or self._told(self.log(component))

    def _unusable_data(self, component: str) -> str:
        """That etcd does not start from its data, or never serves it, with the way out; empty when it does."""
        data = self._files / "etcd"
        if component not in SERVERS or self._disk_is_full() or not (data / "member").is_dir():
            return ""
        try:
            log = read_tail(self.log("etcd"), limit=_LOG_BYTES) or ""
        except FileError:
            return ""
        if component == "etcd" and refuses_data(log):
            seen = f"it cannot use its data in {data} ({reason_in(log)})"
        elif component != "etcd" and waits_for_data(log):
            seen = f"etcd runs and does not serve its data in {data} (entries of its log are missing)"
        else:
            return ""
        return f"{seen}, as after a power cut on a disk that does not keep what was synced; {self._way_out()}"

    def _way_out(self) -> str:
        """What to do about data that cannot be used."""
        return (
            f"run the same command again on a quiet machine, put {self._files / 'etcd'} back from a copy of yours, or "
            f"give up what the stack does not have in the cluster: remove {self.directory} and run the same command "
            "again, which makes the cluster again"
        )

    def _told(self, log: Path) -> str:
        text = processes.last_lines(log)
        # Where nothing can be written, the log does not say so either.
        if "no space left on device" in text or self._disk_is_full():
            return f"{self.directory}: no space left on device; free some space there and run the same command again"
        return text

    def _disk_is_full(self) -> bool:
        return shutil.disk_usage(self.directory).free < _FULL_BYTES

    def end(self) -> None:
        """End every process of the cluster, kwokctl included. Its data is about to go, so none is waited for.

        Raises ProcessError when new ones keep coming.
        """
        # A kwokctl that a killed run left behind may have started one more before it was ended itself.
        for _ in range(_ROUNDS):
            running = [process for same in processes.find(self.directory).values() for process in same]
            if not running:
                return
            processes.end(running, grace=0)
        raise ProcessError(f"{self.name}: something keeps starting programs of {self.directory}; terminate it first")

    def remove(self) -> None:
        """End everything and leave no file. Fine when nothing is there."""
        self.end()
        remove_directory(self.directory)

    def sync(self) -> None:
        """Have what kwokctl wrote reach the disk, but for the database and the logs. Raises FileError."""
        sync_tree(self._files / "pki")
        for path in (self._files, self._files / "kwok.yaml", self.directory):
            sync(path)


def _keeps_out(process: psutil.Process) -> bool:
    import psutil

    try:
        words = process.cmdline()
    except psutil.Error:
        # It has just ended.
        return True
    return not words or is_closed(words[0].rsplit(os.sep, 1)[-1], words[1:])


def missing(running: Collection[str]) -> tuple[str, ...]:
    """Which components are not among the names of what runs."""
    return tuple(name for name in COMPONENTS if name not in running)
