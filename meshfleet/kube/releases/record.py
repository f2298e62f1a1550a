"""A revision of a release as Helm stores it: a Secret with gzip and JSON in it.

https://helm.sh/docs/topics/advanced/#storage-backends, pkg/storage/driver/{secrets,util}.go of helm/helm
"""

from __future__ import annotations

import base64
import binascii
import gzip
import json
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from meshfleet.errors import ReleaseError
from meshfleet.files.json_text import parse_json

JsonObject = dict[str, Any]

DEPLOYED: Final = "deployed"
FAILED: Final = "failed"
# States in which only a helm that is at work, or was killed at it, leaves a record.
UNFINISHED: Final = frozenset({"pending-install", "pending-upgrade", "pending-rollback", "uninstalling"})

# A Secret holds a megabyte, and no chart is a hundred times as long as its archive.
_UNPACKED_LIMIT: Final = 128 * 1024 * 1024

_TOP = re.compile(r"^(apiVersion|kind): *[\"']?([^\s\"'#]+)", re.MULTILINE)
_METADATA = re.compile(r"^metadata:[^\n]*\n((?:[ \t]+[^\n]*\n?|\s*\n)+)", re.MULTILINE)
_FIELD = re.compile(r"^ {2}(name|namespace): *[\"']?([^\s\"'#]+)", re.MULTILINE)


@dataclass(frozen=True)
class Record:
    """One revision of a release; `secret` is the name of the Secret that holds it."""

    secret: str
    labels: Mapping[str, str]
    content: JsonObject

    @property
    def revision(self) -> int:
        """1 for the installation, one more with each upgrade."""
        return int(self.content["version"])

    @property
    def status(self) -> str:
        """How it is: `deployed`, `failed`, `pending-install` and others."""
        return str(self.content["info"]["status"])

    @property
    def values(self) -> JsonObject:
        """The user's values."""
        return self.content.get("config") or {}

    @property
    def chart(self) -> JsonObject:
        """The chart's metadata."""
        metadata: JsonObject = self.content["chart"]["metadata"]
        return metadata

    @property
    def manifest(self) -> str:
        """What the chart's templates rendered, as YAML documents in the order they are applied."""
        return str(self.content.get("manifest") or "")

    def definitions(self) -> list[str]:
        """The CustomResourceDefinitions that the chart has in `crds/`, which Helm applies once and never renders."""
        files = self.content["chart"].get("files") or []
        return [
            base64.b64decode(file["data"]).decode("utf-8", errors="replace")
            for file in sorted(files, key=lambda file: str(file["name"]))
            if str(file["name"]).startswith("crds/") and str(file["name"]).endswith((".yaml", ".yml", ".json"))
        ]

    def outputs(self) -> JsonObject:
        """The `status` output of the release."""
        return {
            "name": self.content["name"],
            "namespace": self.content["namespace"],
            "revision": self.revision,
            "status": self.status,
            "chart": self.chart.get("name", ""),
            "version": self.chart.get("version", ""),
            "appVersion": self.chart.get("appVersion", ""),
        }

    def resource_names(self) -> dict[str, list[str]]:
        """The objects of the release, by `Kind.group/apiVersion`, as `namespace/name` or `name`."""
        found: dict[str, list[str]] = {}
        for document in split(self.manifest):
            # A manifest has thousands of lines (CRDs); a parser for all of YAML takes seconds over it.
            top = {match[0]: match[1] for match in _TOP.findall(document)}
            metadata = _METADATA.search(document)
            fields = dict(_FIELD.findall(metadata.group(1))) if metadata else {}
            if "kind" in top and "name" in fields:
                name = f"{fields['namespace']}/{fields['name']}" if "namespace" in fields else fields["name"]
                api_version = top.get("apiVersion", "")
                group = api_version.rpartition("/")[0]
                kind = f"{top['kind']}.{group}" if group else top["kind"]
                found.setdefault(f"{kind}/{api_version}", []).append(name)
        return {kind: sorted(set(names)) for kind, names in sorted(found.items())}


def split(manifest: str) -> list[str]:
    """The documents of a YAML stream, as texts."""
    return re.split(r"^---\s*$", manifest, flags=re.MULTILINE)


def unpack(text: str, secret: str) -> JsonObject:
    """The content of a record: Kubernetes' base64 around Helm's base64 around gzip around JSON.

    Raises ReleaseError naming the Secret when it is damaged or unpacks to too much.
    """
    try:
        packed = base64.b64decode(base64.b64decode(text, validate=True), validate=True)
        if packed[:2] == b"\x1f\x8b":
            packed = _inflated(packed)
        content = parse_json(packed)
        _require_shape(content)
    except (binascii.Error, zlib.error, ValueError, KeyError, TypeError) as error:
        raise ReleaseError(
            f"Secret {secret}: is no readable record of Helm ({type(error).__name__}); remove that Secret, "
            "and run the same command again"
        ) from None
    return dict(content)


def pack(content: JsonObject) -> str:
    """The inverse of `unpack`."""
    packed = gzip.compress(json.dumps(content, separators=(",", ":")).encode(), mtime=0)
    return base64.b64encode(base64.b64encode(packed)).decode("ascii")


def _inflated(packed: bytes) -> bytes:
    inflating = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    content = inflating.decompress(packed, _UNPACKED_LIMIT)
    if not inflating.eof:
        raise ValueError("cut short or too large")
    return content


def _require_shape(content: Any) -> None:
    int(content["version"])
    if not (isinstance(content["info"]["status"], str) and isinstance(content["chart"]["metadata"], dict)):
        raise TypeError
    if not isinstance(content.get("config") or {}, dict):
        raise TypeError
