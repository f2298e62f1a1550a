"""The records of releases on one server: listed, read, changed and removed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from meshfleet.errors import ReleaseError
from meshfleet.kube.api_errors import RefusedError, expected_form
from meshfleet.kube.releases.record import FAILED, Record, pack, unpack
from meshfleet.kube.releases.server import JsonObject, Server

_TYPE: Final = "helm.sh/release.v1"


@dataclass(frozen=True)
class Revision:
    """What the labels of a record say, which cost little to list."""

    namespace: str
    release: str
    number: int
    status: str
    secret: str


def revisions(server: Server, namespace: str = "", release: str = "") -> list[Revision]:
    """All revisions, oldest first: of every release, or of those in a namespace or by a name. Raises ClusterError."""
    path = f"api/v1/namespaces/{namespace}/secrets" if namespace else "api/v1/secrets"
    labels = "owner=helm" + (f",name={release}" if release else "")
    subject = f"the releases in {namespace or 'every namespace'}"
    found = []
    for metadata in server.metadata(path, labels, subject):
        with expected_form(subject):
            labelled = metadata.get("labels") or {}
            number = str(labelled.get("version", ""))
            if number.isdecimal():
                found.append(
                    Revision(
                        str(metadata.get("namespace")),
                        str(labelled.get("name")),
                        int(number),
                        str(labelled.get("status")),
                        str(metadata["name"]),
                    )
                )
    return sorted(found, key=lambda revision: (revision.namespace, revision.release, revision.number))


def newest(found: Iterable[Revision]) -> dict[tuple[str, str], Revision]:
    """The newest revision of each release, by namespace and name."""
    return {(revision.namespace, revision.release): revision for revision in found}


def read(server: Server, revision: Revision) -> Record | None:
    """The record of a revision; None when it is gone. Raises ReleaseError for one that is damaged, ClusterError."""
    secret = server.get(_path(revision), _subject(revision))
    if secret is None:
        return None
    with expected_form(_subject(revision)):
        release = (secret.get("data") or {}).get("release")
        labels = dict((secret.get("metadata") or {}).get("labels") or {})
    if secret.get("type") != _TYPE or not isinstance(release, str):
        raise ReleaseError(f"{_subject(revision)}: is labelled as a record of Helm, and is none")
    return Record(revision.secret, labels, unpack(release, f"{revision.namespace}/{revision.secret}"))


def remove(server: Server, revision: Revision) -> None:
    """Remove a record and none of its objects: those carry the release's name, by which Helm takes them up again."""
    server.delete(_path(revision), _subject(revision))


def mark_failed(server: Server, revision: Revision, reason: str) -> None:
    """Make a revision one that Helm upgrades from. Raises ClusterError, ReleaseError."""
    secret = server.get(_path(revision), _subject(revision))
    if secret is None:
        return
    with expected_form(_subject(revision)):
        content: JsonObject = unpack(secret["data"]["release"], f"{revision.namespace}/{revision.secret}")
        content["info"] = {**content["info"], "status": FAILED, "description": reason}
        secret["data"]["release"] = pack(content)
        secret["metadata"]["labels"]["status"] = FAILED
    try:
        server.replace(_path(revision), secret, _subject(revision), manager="helm")
    except RefusedError as error:
        if not error.not_found:
            raise


def _path(revision: Revision) -> str:
    return f"api/v1/namespaces/{revision.namespace}/secrets/{revision.secret}"


def _subject(revision: Revision) -> str:
    return f"Secret {revision.namespace}/{revision.secret}"
