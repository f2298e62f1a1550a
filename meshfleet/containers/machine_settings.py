"""What of the machine is changed while its engine runs, recorded beforehand and restored afterwards.

The kubelet sets kernel.panic and the like for the whole machine (pkg/kubelet/cm/container_manager_linux.go), the
systemd of a node the limits of files (its sysctl.d and `bump_file_max_and_nr_open`), and nodes need more inotify
instances than most machines allow (https://kind.sigs.k8s.io/docs/user/known-issues/, "too many open files").

The record is written before the first change and is never written over: it says how the machine was when no engine of
this kind ran. Whatever ends in between, the next start or stop finds it. After a restart of the machine, which resets
all of these settings, it says nothing any more.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from meshfleet.containers.folder_lock import locked
from meshfleet.containers.place import NOTES
from meshfleet.errors import ContainersError, NewerFileError
from meshfleet.files import file_error, make_directory, read_record, remove_file, write_file
from meshfleet.files.json_text import parse_json

INOTIFY: Final = "fs.inotify.max_user_instances"
INOTIFY_NEEDED: Final = 1024
CHANGED: Final = (
    INOTIFY,
    "kernel.panic",
    "kernel.panic_on_oops",
    "vm.overcommit_memory",
    "vm.panic_on_oom",
    "kernel.keys.root_maxkeys",
    "kernel.keys.root_maxbytes",
    "fs.file-max",
    "fs.nr_open",
    "fs.protected_fifos",
    "fs.protected_hardlinks",
    "fs.protected_regular",
    "fs.protected_symlinks",
    "net.ipv4.ip_forward",
)
"""Settings of the whole machine that a node changes, or may on another kernel (https://docs.kernel.org/admin-guide/sysctl/)."""
FOLDERS: Final = ("etc/docker", "opt/containerd", "run/docker", "run/containerd")
"""Folders that dockerd and containerd make wherever they are told to keep their files."""
_VERSION: Final = 1
_LOCK_SECONDS: Final = 60.0
_RECORD: Final = "machine.json"


@dataclass(frozen=True)
class MachineRecord:
    """How the machine was: `engines` are the folders of the engines that need it, `boot` names the machine's start.

    `settings` are sysctls by name, `absent` folders (without the leading slash) that were not there.
    """

    engines: tuple[str, ...]
    boot: str
    settings: Mapping[str, str]
    absent: tuple[str, ...]


@dataclass(frozen=True)
class Machine:
    """This machine; `root` is where its file system is, `notes` the folder of the record."""

    root: Path = Path("/")
    notes: Path = NOTES

    @property
    def record_file(self) -> Path:
        """The record, if there is one."""
        return self.notes / _RECORD

    def record(self) -> MachineRecord | None:
        """What was recorded since the machine started; None when nothing was. Raises FileError for a damaged record."""
        advice = (
            f"set {', '.join(CHANGED)} with sysctl -w to what this machine has otherwise, or restart it, remove that "
            "file and run the command again"
        )
        found = read_record(self.record_file, _parse, advice)
        return found if found is not None and found.boot == self._boot() else None

    def prepare(self, engine: Path) -> None:
        """Record the machine for the engine in this folder, unless that was done, then allow what nodes need.

        Raises ContainersError where the settings cannot be changed, FileError for a record that cannot be written or
        read: then nothing was changed.
        """
        with locked(self.notes.parent, _LOCK_SECONDS):
            kept = self.record()
            if kept is None:
                make_directory(self.notes)
                write_file(self.record_file, _text(self._present(engine)))
            elif str(engine) not in kept.engines:
                # What the first of them found is how the machine was.
                write_file(self.record_file, _text(replace(kept, engines=(*kept.engines, str(engine)))))
            now = self.setting(INOTIFY)
            if now is not None and int(now) < INOTIFY_NEEDED:
                self._set(INOTIFY, str(INOTIFY_NEEDED))

    def restore(self, engine: Path, is_alive: Callable[[Path], bool]) -> None:
        """Put back what was recorded when the last engine ends, and forget it; fine when nothing was recorded.

        `engine` has ended; `is_alive` says whether another does, by its folder: one that was killed counts no more.
        The record is removed last: what was not restored is restored by the next call. Raises ContainersError,
        FileError.
        """
        with locked(self.notes.parent, _LOCK_SECONDS):
            kept = self.record()
            others = tuple(one for one in (kept.engines if kept else ()) if one != str(engine) and is_alive(Path(one)))
            if kept is not None and others:
                write_file(self.record_file, _text(replace(kept, engines=others)))
            else:
                self._put_back(kept)

    def _put_back(self, kept: MachineRecord | None) -> None:
        if kept is not None:
            for name, value in kept.settings.items():
                if self.setting(name) not in (None, value):
                    self._set(name, value)
            for folder in kept.absent:
                remove_left_folder(self.root / folder)
        remove_file(self.record_file)
        if self.notes.is_dir() and not any(self.notes.iterdir()):
            self.notes.rmdir()

    def setting(self, name: str) -> str | None:
        """The present value of a sysctl; None where the kernel has none of that name."""
        try:
            return self._path(name).read_text(encoding="ascii").strip()
        except OSError:
            return None

    def _present(self, engine: Path) -> MachineRecord:
        settings = {name: value for name in CHANGED if (value := self.setting(name)) is not None}
        absent = tuple(folder for folder in FOLDERS if not (self.root / folder).exists())
        return MachineRecord((str(engine),), self._boot(), settings, absent)

    def _boot(self) -> str:
        path = self.root / "proc/sys/kernel/random/boot_id"
        try:
            return path.read_text(encoding="ascii").strip()
        except OSError as error:
            raise file_error(path, error) from error

    def _set(self, name: str, value: str) -> None:
        try:
            # A file of the kernel, which takes a value in one write and has neither a mode nor a size to change.
            self._path(name).write_text(f"{value}\n", encoding="ascii")
        except OSError as error:
            raise ContainersError(
                f"{name}: cannot be set to {value} ({error.strerror}); run this as root of the machine, or set it "
                f"yourself: sysctl -w {name}={value}, then run the command again"
            ) from error

    def _path(self, name: str) -> Path:
        # https://man7.org/linux/man-pages/man8/sysctl.8.html: dots stand for slashes; none of ours has one in a part.
        return self.root / "proc/sys" / name.replace(".", "/")


def remove_left_folder(folder: Path) -> None:
    """Remove a folder that was not there before the engine; fine when it is gone. Raises FileError."""
    import shutil

    if folder.is_symlink() or not folder.exists():
        return
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise file_error(folder, error) from error


def _text(record: MachineRecord) -> str:
    body = {
        "version": _VERSION,
        "engines": list(record.engines),
        "boot": record.boot,
        "settings": dict(record.settings),
        "absent": list(record.absent),
    }
    return json.dumps(body, indent=1) + "\n"


def _parse(text: str) -> MachineRecord:
    content = parse_json(text)
    if not isinstance(content, dict):
        raise TypeError("not an object")
    version = content["version"]
    if not isinstance(version, int):
        raise TypeError("version")
    if version > _VERSION:
        raise NewerFileError(f"version {version}")
    settings, absent, engines = content["settings"], content["absent"], content["engines"]
    if not isinstance(settings, dict) or not isinstance(absent, list) or not isinstance(engines, list):
        raise TypeError("settings, absent or engines")
    # It is root that writes these values and removes these folders: nothing but what is of the lists above.
    if not set(settings) <= set(CHANGED) or not set(absent) <= set(FOLDERS):
        raise ValueError("a name that was never recorded")
    if not all(isinstance(value, str) and value and set(value) <= set("-0123456789 \t") for value in settings.values()):
        raise ValueError("a value that is no number")
    return MachineRecord(tuple(map(_word, engines)), _word(content["boot"]), settings, tuple(absent))


def _word(value: object) -> str:
    if not isinstance(value, str) or not value or "\0" in value:
        raise TypeError("no path or name")
    return value
