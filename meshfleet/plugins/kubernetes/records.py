"""The newest record of a release, over this plugin's connection."""

from __future__ import annotations

from meshfleet.kube.releases.record import Record, unpack
from meshfleet.plugins.kubernetes.connection import Connection
from meshfleet.plugins.kubernetes.kinds import GroupVersionKind, Kinds


class Records:
    """The records of the releases of one server."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._kinds = Kinds(connection.fetch)

    def latest(self, namespace: str, release: str) -> Record | None:
        """The newest revision of a release, None if there is no such release. Raises ReleaseError when damaged."""
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
        if live is None:
            return None
        return Record(
            newest["name"], newest["labels"], unpack(live["data"]["release"], f"{namespace}/{newest['name']}")
        )
