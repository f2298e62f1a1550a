"""The API portal as a process beside the host: an Envoy that reads its documents from files.

What changes is put in the place of its file, and Envoy reads it: streams that are open go on. Only another
`bootstrap.json` or port starts it again.
Source: https://www.envoyproxy.io/docs/envoy/latest/operations/cli
"""

from __future__ import annotations

import json
import os
import socket
import ssl
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from meshfleet.embedded.loopback import close_ports
from meshfleet.embedded.portal_certificate import ServingCertificate, serving_certificate
from meshfleet.embedded.ports import port_is_free, release_ports, require_free_ports, reserve_ports
from meshfleet.errors import FileError, ProcessError
from meshfleet.files import make_directory, read_tail, read_text, remove_file, write_file
from meshfleet.portal.documents import BOOTSTRAP, documents, ready, serving_document, token_document
from meshfleet.portal.spec import PortalSpec
from meshfleet.processes.waiting import NotYetError, wait_until
from meshfleet.toolchain.tools import link_tools
from meshfleet.workspace import fleet_processes as processes
from meshfleet.workspace.home import Workspace, remove_directory

LOG: Final = "envoy.log"
_PROGRAM: Final = "envoy"
_READY_SECONDS: Final = 60.0
# Open streams are ended with it.
_GRACE_SECONDS: Final = 2.0
# Of a document; what was in force before stays so.
# https://github.com/envoyproxy/envoy/blob/main/source/extensions/config_subscription/filesystem/filesystem_subscription_impl.cc
_REJECTED: Final = "Filesystem config update rejected: "
_EVERYWHERE: Final = ("0.0.0.0", "::")  # noqa: S104  (what a user may have declared)


class Portal:
    """The portal beside one cluster, whether it runs or not."""

    def __init__(self, workspace: Workspace, cluster: str) -> None:
        self._workspace = workspace
        self._cluster = cluster
        self._owner = workspace.owner("portal", cluster)
        self.directory = workspace.portal(cluster)

    def state(self) -> str | None:
        """`running`, `stopped`, or None when nothing was ever started here."""
        if processes.find(self.directory):
            return "running"
        return "stopped" if self.directory.is_dir() else None

    def start(self, spec: PortalSpec, tokens: Mapping[str, str], timeout: float = 0) -> tuple[int, str]:
        """Have it be as `spec` says, with its accounts' `tokens` by file (secrets); its port and authority (PEM).

        Port 0 is one that is reserved for it. Raises PortError naming who took a port, ProcessError with the end of
        its log, ToolchainError when Envoy is not built.
        """
        self._workspace.claim(self.directory)
        spec = replace(spec, port=spec.port or self._reserved())
        certificate = serving_certificate(self.directory, _names(spec))
        written = documents(spec, str(self.directory))
        seen = _size(self.directory / LOG)
        if self.state() != "running" or self._kept() != self._fingerprint(spec):
            self._end()
            remove_file(self.directory / "started-with")
            require_free_ports(self._owner, {"https": spec.port})
            self._write(written, tokens, certificate)
            self._launch()
            seen = 0
        else:
            self._write(written, tokens, certificate)
        self._wait_until_ready(spec, certificate.authority, timeout or _READY_SECONDS, seen)
        write_file(self.directory / "started-with", self._fingerprint(spec))
        return spec.port, certificate.authority

    def delete(self) -> None:
        """End it, remove its files and keys and give its port back. Fine when there is nothing."""
        self._end()
        remove_directory(self.directory)
        release_ports(self._workspace.home, self._owner)
        close_ports(self._workspace.home)
        self._workspace.prune()

    def _reserved(self) -> int:
        port = reserve_ports(self._workspace.home, self._owner, ["https"])["https"]
        if self.state() != "running" and not port_is_free(port):
            release_ports(self._workspace.home, self._owner)
            port = reserve_ports(self._workspace.home, self._owner, ["https"])["https"]
        close_ports(self._workspace.home)
        return port

    def _fingerprint(self, spec: PortalSpec) -> str:
        return json.dumps([str(self.directory), list(spec.addresses), spec.port])

    def _kept(self) -> str | None:
        try:
            return read_text(self.directory / "started-with")
        except FileError:
            # Damaged: what runs is ended, and started as it should be.
            return None

    def _write(self, written: Mapping[str, object], tokens: Mapping[str, str], certificate: ServingCertificate) -> None:
        """Tokens and clusters come before the routes that lead to them."""
        self._put("serving.json", serving_document(certificate.certificate, certificate.key))
        make_directory(self.directory / "tokens")
        for name, token in tokens.items():
            self._put(f"tokens/{name}.json", token_document(token))
        self._put(BOOTSTRAP, written[BOOTSTRAP])
        for name in ("clusters.json", "routes.json", "listeners.json"):
            # Read again even when it is the same: Envoy may have rejected it, and then says so again.
            write_file(self.directory / name, json.dumps(written[name], indent=1))
        for name in os.listdir(self.directory / "tokens"):
            if name.removesuffix(".json") not in tokens:
                remove_file(self.directory / "tokens" / name)

    def _put(self, name: str, document: object) -> None:
        text = json.dumps(document, indent=1)
        if read_text(self.directory / name) != text:
            write_file(self.directory / name, text)

    def _launch(self) -> None:
        link_tools(self.directory / "bin", {_PROGRAM: _PROGRAM})
        processes.start(
            self.directory / "bin" / _PROGRAM,
            [
                "-c",
                str(self.directory / BOOTSTRAP),
                "--disable-hot-restart",
                "--concurrency",
                "2",
                "--log-level",
                "warning",
                "--file-flush-interval-msec",
                "200",
            ],
            self.directory,
            self.directory / LOG,
            {"HOME": str(self.directory)},
        )

    def _end(self) -> None:
        running = processes.find(self.directory)
        processes.end([process for same in running.values() for process in same], _GRACE_SECONDS)

    def _wait_until_ready(self, spec: PortalSpec, authority: str, seconds: float, seen: int) -> None:
        """Until what was written is in force; `seen` is how much of the log is older."""
        log = self.directory / LOG
        host = spec.addresses[0] if spec.addresses[0] not in _EVERYWHERE else "localhost"
        wanted = ready(spec, str(self.directory))

        def in_force() -> None:
            if not processes.find(self.directory):
                raise ProcessError(f"the portal of {self._cluster} exited while starting; {processes.last_lines(log)}")
            if found := rejected(read_tail(log, limit=max(_size(log) - seen, 1)) or ""):
                raise ProcessError(
                    f"the portal of {self._cluster} rejects what is declared, and goes on with what it had before: "
                    f"{found}; fix portal in the stack file or what it names, and run the same command again"
                )
            try:
                answer = _ask(host, spec.port, authority)
            except OSError as error:
                raise NotYetError(str(error)) from None
            head, _, body = answer.partition(b"\r\n\r\n")
            if b" 200 " not in head.split(b"\r\n", 1)[0]:
                raise NotYetError(f"it answers {answer[:40]!r}")
            if wanted.encode() not in body:
                raise NotYetError(f"it is {body[:60]!r}, and is to be {wanted!r}")

        wait_until(
            in_force,
            f"the portal of {self._cluster} to answer https://{host}:{spec.port}/readyz with what is declared",
            seconds,
            f"check {log}, and run the same command again",
        )


def rejected(log: str) -> str:
    """Why Envoy has rejected a document, from its log; empty when it has not. Pure."""
    return next((line.partition(_REJECTED)[2][:500] for line in log.splitlines() if _REJECTED in line), "")


def _size(log: Path) -> int:
    return log.stat().st_size if log.is_file() else 0


def _ask(host: str, port: int, authority: str) -> bytes:
    context = ssl.create_default_context(cadata=authority)
    with (
        socket.create_connection((host, port), 5) as plain,
        context.wrap_socket(plain, server_hostname=host) as connection,
    ):
        connection.sendall(f"GET /readyz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        content = b""
        while more := connection.recv(4096):
            content += more
        return content


def _names(spec: PortalSpec) -> list[str]:
    """What its users may call it by."""
    named = [one for one in spec.addresses if one not in _EVERYWHERE]
    return list(dict.fromkeys(["localhost", "127.0.0.1", *named]))
