"""What Helm remembers of a release: the records it keeps as Secrets in the release's namespace.

Reading them takes two small requests; running helm for it would take a process.
https://helm.sh/docs/topics/advanced/#storage-backends
"""

from __future__ import annotations

import base64
import gzip
import json
import re
from dataclasses import dataclass
from typing import Any, Final

from plugins.kubernetes.connection import Connection
from plugins.kubernetes.kinds import GroupVersionKind, Kinds
from plugins.kubernetes.values import JsonObject

OWNER_LABEL: Final = "meshfleet.dev/resource"
# States in which a helm that was killed leaves its record; nothing but removing the record helps helm over them.
_STUCK: Final = frozenset({"pending-install", "pending-upgrade", "pending-rollback", "uninstalling"})

_TOP = re.compile(r"^(apiVersion|kind): *[\"']?([^\s\"'#]+)", re.MULTILINE)
_METADATA = re.compile(r"^metadata:[^\n]*\n((?:[ \t]+[^\n]*\n?|\s*\n)+)", re.MULTILINE)
_FIELD = re.compile(r"^ {2}(name|namespace): *[\"']?([^\s\"'#]+)", re.MULTILINE)


@dataclass(frozen=True)
class Record:
    """One revision of a release as Helm stored it."""

    secret: str
    labels: dict[str, str]
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
    def is_stuck(self) -> bool:
        """Whether a helm that no longer runs left this revision half done."""
        return self.status in _STUCK

    @property
    def values(self) -> JsonObject:
        """The user's values."""
        return self.content.get("config") or {}

    @property
    def chart(self) -> JsonObject:
        """The chart's metadata."""
        metadata: JsonObject = self.content["chart"]["metadata"]
        return metadata

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
        for document in re.split(r"^---\s*$", self.content.get("manifest") or "", flags=re.MULTILINE):
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


class Records:
    """The records of the releases of one server."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._kinds = Kinds(connection.fetch)

    def latest(self, namespace: str, release: str) -> Record | None:
        """The newest revision of a release, None if there is no such release."""
        secrets = self._kinds.find(GroupVersionKind("", "v1", "Secret"))
        listed = self._connection.metadata(secrets, namespace, {"owner": "helm", "name": release})
        newest = max(
            listed,
            key=lambda metadata: int(metadata["labels"].get("version", 0)),
            default=None,
        )
        if newest is None:
            return None
        live = self._connection.get(secrets, namespace, newest["name"])
        return None if live is None else Record(newest["name"], newest["labels"], _decode(live["data"]["release"]))

    def forget(self, namespace: str, record: Record) -> None:
        """Remove a revision's record, not its objects: the next helm adopts those, as they carry the release's name."""
        secrets = self._kinds.find(GroupVersionKind("", "v1", "Secret"))
        self._connection.delete(secrets, namespace, record.secret, "Background")


def _decode(text: str) -> JsonObject:
    """Kubernetes' base64 around Helm's base64 around gzip around JSON."""
    packed = base64.b64decode(base64.b64decode(text))
    content: Any = json.loads(gzip.decompress(packed) if packed[:2] == b"\x1f\x8b" else packed)
    return dict(content)
