"""The files of a virtual machine that runs here: what a real one has below `/`, its logs, and its address."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from embedded.machine import start_script
from embedded.machine.bundle_folder import Bundle, bundle_of
from embedded.network.node_network import ROUTER
from embedded.node.programs import PROXY
from embedded.workspace import remove_directory
from manifests.bundle import HOSTS
from topology.errors import EmbeddedError
from topology.files import file_error, write_file


@dataclass(frozen=True)
class MachineFiles:
    """All files of one machine are in `directory`, and go with it."""

    directory: Path

    @property
    def root(self) -> Path:
        """Below this are the files that a real machine has below `/`."""
        return self.directory / "root"

    @property
    def hosts(self) -> Path:
        """What stands for /etc/hosts."""
        return self.root / "etc" / HOSTS

    @property
    def resolver(self) -> Path:
        """What stands for /etc/resolv.conf."""
        return self.root / "etc" / "resolv.conf"

    @property
    def logs(self) -> Path:
        """The folder of logs."""
        return self.directory / "logs"

    def address(self) -> str:
        """The machine's address. Raises EmbeddedError when it is not there."""
        try:
            return (self.directory / "address").read_text(encoding="utf-8")
        except OSError as error:
            raise EmbeddedError(
                f"no machine {self.directory.name} is here; start it with meshfleet vm start"
            ) from error

    def bundle(self) -> Bundle:
        """What was laid out, as it is now. Raises EmbeddedError."""
        files = {}
        for name, path in {
            **{name: self.root / place for name, place in start_script.FILES.items()},
            HOSTS: self.hosts,
        }.items():
            try:
                files[name] = path.read_text(encoding="utf-8")
            except OSError as error:
                raise file_error(path, error) from error
        return bundle_of(files)

    def lay_out(self, bundle: Bundle, host_name: str, address: str) -> None:
        """Put the files in their places, as docs/virtual-machines.md says for real machines. Raises EmbeddedError."""
        try:
            for folder in (self.directory.parent, self.directory, self.logs):
                folder.mkdir(mode=0o711, parents=True, exist_ok=True)
            # With the certificates of an earlier bundle the agent would come as who it was.
            remove_directory(self.root)
            for name, place in start_script.FILES.items():
                self._write(self.root / place, bundle.files[name])
            self._folder(self.root / "etc" / "istio" / "proxy")
            self._write(self.hosts, f"127.0.0.1 localhost {host_name}\n{bundle.files[HOSTS]}")
            # Nobody is there to answer: what the proxy does not know is not known.
            self._write(self.resolver, f"nameserver {ROUTER}\n")
            # All programs on a machine read these.
            for path in (self.hosts, self.resolver):
                path.chmod(0o644)
            write_file(self.directory / "address", address)
        except OSError as error:
            raise file_error(self.directory, error) from error

    def remove(self) -> None:
        """Remove all of them; fine when there are none. Raises EmbeddedError."""
        remove_directory(self.directory)

    def _write(self, path: Path, content: str) -> None:
        self._folder(path.parent)
        write_file(path, content)
        os.chown(path, PROXY, PROXY)

    def _folder(self, folder: Path) -> None:
        missing = [one for one in (folder, *folder.parents) if one.is_relative_to(self.root) and not one.exists()]
        for one in reversed(missing):
            one.mkdir(mode=0o700)
            os.chown(one, PROXY, PROXY)
