"""The files of a virtual machine that runs here: what a real one has below `/`, its logs, and its address.

Root reads and writes none that the machine could have changed: what it needs of the bundle again lies in a folder of
its own, and the machine's files become the machine's once all of them are written.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from meshfleet.dataplane.machine import start_script
from meshfleet.dataplane.machine.bundle_folder import Bundle, bundle_of
from meshfleet.dataplane.network.router import ROUTER
from meshfleet.dataplane.network.sandbox import Bind
from meshfleet.dataplane.network.users import Users, users_of
from meshfleet.errors import EmbeddedError
from meshfleet.files import file_error, make_directory, read_text, write_file
from meshfleet.manifests.bundle import FILES, HOSTS
from meshfleet.workspace.home import remove_directory

OWNED: Final = ("etc/certs", "etc/istio", "var/lib/istio", "var/run/secrets")
"""The folders of the agent: it writes certificates, Envoy's configuration and its sockets (manifests.cloud_init)."""


@dataclass(frozen=True)
class MachineFiles:
    """All files of one machine are in `directory`, and go with it."""

    directory: Path

    @property
    def root(self) -> Path:
        """Below this are the files that a real machine has below `/`."""
        return self.directory / "root"

    @property
    def logs(self) -> Path:
        """The folder of logs."""
        return self.directory / "logs"

    def users(self) -> Users:
        """As whom its programs run. Raises EmbeddedError."""
        return users_of(self.directory, began_earlier=not self._kept.is_dir())

    def binds(self) -> list[Bind]:
        """What its programs see of them."""
        names = (HOSTS, "resolv.conf")
        # Earlier versions had them among the machine's own.
        etc = self.directory if (self.directory / HOSTS).exists() else self.root / "etc"
        return [
            *(Bind(etc / name, f"/etc/{name}") for name in names),
            *(Bind(self.root / folder, f"/{folder}", writable=True) for folder in OWNED),
        ]

    def address(self) -> str:
        """The machine's address. Raises EmbeddedError when it is not there."""
        text = read_text(self.directory / "address")
        if text is None:
            raise EmbeddedError(f"no machine {self.directory.name} is here; start it with meshfleet vm start")
        return text

    def bundle(self) -> Bundle:
        """What was laid out. Raises EmbeddedError."""
        earlier = {name: self.root / place for name, place in start_script.FILES.items()}
        earlier[HOSTS] = self.root / "etc" / HOSTS
        places = {name: self._kept / name for name in FILES} if self._kept.is_dir() else earlier
        return bundle_of({name: _read(path) for name, path in places.items()})

    def lay_out(self, bundle: Bundle, host_name: str, address: str) -> None:
        """Put the files in their places, as docs/virtual-machines.md says for real machines. Raises EmbeddedError."""
        for own in (self.logs, self._kept):
            make_directory(own)
        for name in FILES:
            write_file(self._kept / name, bundle.files[name])
        # With the certificates of an earlier bundle the agent would come as who it was.
        remove_directory(self.root)
        for folder in OWNED:
            make_directory(self.root / folder)
        for folder in ("etc/istio/config", "etc/istio/proxy"):
            make_directory(self.root / folder)
        for name, place in start_script.FILES.items():
            make_directory((self.root / place).parent)
            write_file(self.root / place, bundle.files[name])
        names = {
            HOSTS: f"127.0.0.1 localhost {host_name}\n{bundle.files[HOSTS]}",
            # What the proxy's own DNS does not know is not known.
            "resolv.conf": f"nameserver {ROUTER}\n",
        }
        for name, text in names.items():
            # All programs on a machine read these.
            write_file(self.directory / name, text, mode=0o644)
        for folder in OWNED:
            _give(self.root / folder, self.users().proxy)
        write_file(self.directory / "address", address)

    def remove(self) -> None:
        """Remove all of them; fine when there are none. Raises EmbeddedError."""
        remove_directory(self.directory)

    @property
    def _kept(self) -> Path:
        return self.directory / "bundle"


def _read(path: Path) -> str:
    text = read_text(path)
    if text is None:
        raise EmbeddedError(f"{path}: there is none; start the machine again with meshfleet vm start")
    return text


def _give(folder: Path, user: int) -> None:
    """Make a folder and all in it a user's, from the innermost on, without following a link."""
    try:
        for _, folders, files, descriptor in os.fwalk(folder, topdown=False):
            for name in (*folders, *files):
                os.chown(name, user, user, dir_fd=descriptor, follow_symlinks=False)
        os.chown(folder, user, user, follow_symlinks=False)
    except OSError as error:
        raise file_error(folder, error) from error
