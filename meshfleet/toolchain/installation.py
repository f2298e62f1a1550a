"""One tool in the cache, `<tool>-<key>/{bin,charts,share,manifest.json}`: published whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MANIFEST = "manifest.json"
BUILT, PUBLISHED, COPIED = "built", "published", "copied"
"""How an installation came to be: built here, as its publisher has it, or out of a wheel."""


@dataclass(frozen=True)
class Installation:
    """A tool's place in the cache, whether or not anything is there yet."""

    tool: str
    version: str
    path: Path

    @property
    def bin(self) -> Path:
        """The folder of its programs."""
        return self.path / "bin"

    @property
    def share(self) -> Path:
        """The folder of the files that its programs read."""
        return self.path / "share"

    def faults(self, *, thorough: bool = False) -> list[str]:
        """What is wrong with it, in words; empty when it can be used.

        Without `thorough` a file is read only if its time is not the one it was installed with, so that the
        answer takes a few milliseconds; with it every file is compared with its SHA-256.
        """
        if not self.path.is_dir():
            return ["not installed"]
        files = self._files()
        if not files:
            return [f"{MANIFEST} is missing or unreadable"]
        return [fault for name, entry in files.items() if (fault := self._fault(name, entry, thorough))]

    def publish(self, staging: Path, *, source: str = BUILT, version: str | None = None) -> None:
        """Write the manifest of what `staging` holds, then put it in place in one step.

        `source` is BUILT, PUBLISHED or COPIED, and `version` the publisher's release where it is named otherwise.

        `staging` must be on the same filesystem. What lay there before is removed; a program that runs
        from it keeps running.
        """
        files = {}
        for path in sorted(staging.rglob("*")):
            if path.is_file():
                state = path.stat()
                files[path.relative_to(staging).as_posix()] = {
                    "sha256": _sha256(path),
                    "bytes": state.st_size,
                    "modified": state.st_mtime_ns,
                }
        manifest = {"tool": self.tool, "version": version or self.version, "source": source, "files": files}
        (staging / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
        if self.path.exists():
            replaced = self.path.with_name(f".replaced-{self.path.name}-{os.getpid()}")
            self.path.rename(replaced)
            staging.rename(self.path)
            shutil.rmtree(replaced)
        else:
            staging.rename(self.path)

    def origin(self, default: str = BUILT) -> tuple[str, str]:
        """How what is there came to be, and its version; `default` where a manifest of before does not say it."""
        manifest = self._manifest()
        return str(manifest.get("source", default)), str(manifest.get("version", self.version))

    def _manifest(self) -> dict[str, Any]:
        try:
            found = json.loads((self.path / MANIFEST).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    def _files(self) -> dict[str, dict[str, Any]]:
        try:
            return {str(name): dict(entry) for name, entry in self._manifest()["files"].items()}
        except (ValueError, KeyError, TypeError, AttributeError):
            return {}

    def _fault(self, name: str, entry: dict[str, Any], thorough: bool) -> str | None:
        path = self.path / name
        try:
            state = path.stat()
        except OSError:
            return f"{name} is missing"
        if state.st_size != entry.get("bytes"):
            return f"{name} has {state.st_size} bytes, not {entry.get('bytes')}"
        if (thorough or state.st_mtime_ns != entry.get("modified")) and _sha256(path) != entry.get("sha256"):
            return f"{name} has other contents than were installed"
        return None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
