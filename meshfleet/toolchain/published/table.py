"""What is published where: the one table of publishers' addresses (publishers.json), for a release and a machine. Pure.

A file of a publisher is an archive of programs or a program itself, and an image a set of layers with programs in them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

from meshfleet.files.json_text import parse_json
from meshfleet.versions import EMBEDDED_ISTIO, PUBLISHED_ISTIO

TABLE: Final = Path(__file__).with_name("publishers.json")
ITSELF: Final = ""
"""In place of a member's path: the file is no archive, but the program itself."""

# Whose names differ from Go's.
_PULUMI_PROCESSORS: Final = {"amd64": "x64"}
_PROCESSORS: Final = ("amd64", "arm64")
# The language host is in the archive of the CLI.
_RELEASED_WITH: Final = {"pulumi-language-python": "pulumi"}


@dataclass(frozen=True)
class Publisher:
    """Where a publisher's files are: `url` is the base of paths, `probe` a path to try, `page` its documentation."""

    name: str
    url: str
    probe: str
    page: str


@dataclass(frozen=True)
class DigestSource:
    """Where a publisher says what a file's SHA-256 is; `digests` reads it."""

    publisher: str
    path: str


@dataclass(frozen=True)
class Piece:
    """A published file, or an image if `image` is set (then `path` is its tag), and what is taken out of it.

    `members` maps a path in the installation to one in the archive or the image; both end in `/` for all files below.
    """

    publisher: str
    path: str
    members: Mapping[str, str]
    digest: DigestSource | None = None
    image: str = ""

    @property
    def id(self) -> str:
        """Its name in lock files and messages, such as `helm/helm-v3.22.0-linux-amd64.tar.gz`."""
        return f"{self.publisher}/{self.image}:{self.path}" if self.image else f"{self.publisher}/{self.path}"

    @property
    def publishers(self) -> frozenset[str]:
        """The publishers that must respond for it."""
        return frozenset({self.publisher, self.digest.publisher} if self.digest else {self.publisher})


@dataclass(frozen=True)
class Table:
    """The publishers by name, and of each tool what is published and what is started once to see that it runs here."""

    publishers: Mapping[str, Publisher]
    tools: Mapping[str, tuple[Mapping[str, Any], ...]]
    started: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)

    def pieces(self, tool: str, version: str, platform: tuple[str, str]) -> tuple[Piece, ...]:
        """What is published of a tool in a version (Go's name of the machine as `platform`); nothing if none is."""
        system, processor = platform
        entries = self.tools.get(tool) or self.tools.get(tool.partition("-")[0]) or ()
        if system != "linux" or processor not in _PROCESSORS:
            return ()
        words = {
            "version": version,
            "system": system,
            "processor": processor,
            "pulumi_processor": _PULUMI_PROCESSORS.get(processor, processor),
        }
        return tuple(_piece(entry, words) for entry in entries)


def published_version(tool: str, version: str, versions: Mapping[str, str]) -> str:
    """The publisher's release of a tool whose module has `version`; `versions` is of all tools of the toolchain."""
    if tool == "istio" or tool.startswith("istio-"):
        line = tool.partition("-")[2]
        return PUBLISHED_ISTIO.get(line if line in PUBLISHED_ISTIO else EMBEDDED_ISTIO, version)
    return versions.get(_RELEASED_WITH.get(tool, tool), version)


def read_table(text: str) -> Table:
    """The table in the JSON of `publishers.json`."""
    found = parse_json(text)
    publishers = {name: Publisher(name, **fields) for name, fields in found["publishers"].items()}
    started = {
        tool: {program: tuple(words) for program, words in programs.items()}
        for tool, programs in found.get("started", {}).items()
    }
    return Table(publishers, {tool: tuple(entries) for tool, entries in found["tools"].items()}, started)


@cache
def standard_table() -> Table:
    """The table of this project."""
    return read_table(TABLE.read_text(encoding="utf-8"))


def _piece(entry: Mapping[str, Any], words: Mapping[str, str]) -> Piece:
    members = {entry["program"]: ITSELF} if "program" in entry else entry["members"]
    digest = entry.get("digest")
    return Piece(
        publisher=entry["publisher"],
        path=(entry["tag"] if "image" in entry else entry["path"]).format(**words),
        members={target: source.format(**words) for target, source in members.items()},
        digest=digest and DigestSource(digest.get("publisher", entry["publisher"]), digest["path"].format(**words)),
        image=entry.get("image", ""),
    )
