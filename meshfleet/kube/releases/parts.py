"""The objects of a release as they are in the cluster, against what its chart rendered: found, and restored.

Helm looks at its own record and not at the objects (https://helm.sh/docs/faq/changes_since_helm2/), and so does
whichever plugin installs releases.
"""

from __future__ import annotations

import time
from typing import Final

from meshfleet.errors import ClusterError, ReleaseError
from meshfleet.kube.api_errors import RefusedError, expected_form
from meshfleet.kube.releases import comparison
from meshfleet.kube.releases.manifest import Part, parts_of
from meshfleet.kube.releases.record import DEPLOYED, UNFINISHED, Record
from meshfleet.kube.releases.server import JsonObject, Kind, Server
from meshfleet.kube.releases.stored import read, revisions
from meshfleet.kube.served_kinds import served
from meshfleet.processes.waiting import wait_until

SECONDS: Final = 120.0
"""How long one release may take; Istio's take a tenth of a second."""

MISSING: Final = "missing"
_KIND_SECONDS: Final = 20.0
_FIELDS_SHOWN: Final = 5
_ATTEMPTS: Final = 5
_MANAGER: Final = "helm"


def examine(server: Server, namespace: str, release: str) -> dict[str, str] | None:
    """What is not as its chart rendered: `missing` or the fields, by object; None when there is no such release.

    A record that a killed helm left unfinished is one entry. Raises ClusterError, ReleaseError.
    """
    record, unfinished = _record(server, namespace, release)
    if unfinished:
        return {f"release {release}": f"its record says {unfinished}"}
    if record is None:
        return None
    deadline = _Deadline(f"{namespace}/{release}")
    found: dict[str, str] = {}
    for part in parts_of(record):
        deadline.check()
        state = _state(server, part)
        if state is not None:
            found[str(part)] = state
    return found


def restore(server: Server, namespace: str, release: str) -> list[str]:
    """Create what is missing of a release and set what differs as rendered; the objects that were touched.

    Raises ClusterError naming the object that the API server refuses, ReleaseError.
    """
    record, _ = _record(server, namespace, release)
    if record is None:
        return []
    deadline = _Deadline(f"{namespace}/{release}")
    touched: list[str] = []
    for part in parts_of(record):
        deadline.check()
        if _restore(server, part, record):
            touched.append(str(part))
    return touched


class _Deadline:
    def __init__(self, release: str) -> None:
        self._release = release
        self._end = time.monotonic() + SECONDS

    def check(self) -> None:
        if time.monotonic() > self._end:
            raise ClusterError(
                f"release {self._release}: comparing its objects takes longer than {SECONDS:g} s; see whether the "
                "API server is overloaded, and run the same command again"
            )


def _record(server: Server, namespace: str, release: str) -> tuple[Record | None, str]:
    """The deployed record, and the status of a newer one that is unfinished."""
    found = revisions(server, namespace, release)
    unfinished = found[-1].status if found and found[-1].status in UNFINISHED else ""
    for revision in reversed(found):
        if revision.status == DEPLOYED:
            return read(server, revision), unfinished
    return None, unfinished


def _state(server: Server, part: Part) -> str | None:
    """None when it is as rendered."""
    kind = server.kind(part.api_version, part.kind)
    live = None if kind is None else server.get(_path(kind, part), str(part))
    if kind is None or live is None:
        return MISSING
    fields = comparison.differences(part.body, live)
    if fields == ["spec.replicas"] and _is_scaled(server, part):
        return None
    if not fields:
        return None
    more = len(fields) - _FIELDS_SHOWN
    return ", ".join(fields[:_FIELDS_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _restore(server: Server, part: Part, record: Record) -> bool:
    for attempt in range(_ATTEMPTS):
        kind = server.kind(part.api_version, part.kind) or _await_kind(server, part)
        live = server.get(_path(kind, part), str(part))
        try:
            if live is None:
                server.create(kind.collection(part.namespace), _owned(part, kind, record), str(part), manager=_MANAGER)
                return True
            scaled = _is_scaled(server, part) if "replicas" in (part.body.get("spec") or {}) else False
            if not comparison.differences(part.body, live, scaled=scaled):
                return False
            body = comparison.restored(part.body, live, scaled=scaled)
            server.replace(_path(kind, part), body, str(part), manager=_MANAGER)
            return True
        except RefusedError as error:
            # Changed by another writer between reading and writing.
            if not error.conflict or attempt == _ATTEMPTS - 1:
                raise
    return False


def _await_kind(server: Server, part: Part) -> Kind:
    """The kind of an object whose definition may be one of the objects before, and not served yet."""
    (kind,) = wait_until(
        lambda: served(server, [(part.api_version, part.kind)]),
        f"the kind of {part}",
        _KIND_SECONDS,
        "restore the release that has its CustomResourceDefinition first: run meshfleet up --refresh",
        failure=ReleaseError,
    )
    return kind


def _owned(part: Part, kind: Kind, record: Record) -> JsonObject:
    """The object as Helm creates it, with its marks of ownership (setMetadataVisitor in pkg/action/validate.go)."""
    metadata: JsonObject = {
        key: value for key, value in (part.body.get("metadata") or {}).items() if key != "creationTimestamp"
    }
    if kind.namespaced:
        metadata["namespace"] = part.namespace
    if part.templated:
        metadata["labels"] = {**(metadata.get("labels") or {}), "app.kubernetes.io/managed-by": "Helm"}
        metadata["annotations"] = {
            **(metadata.get("annotations") or {}),
            "meta.helm.sh/release-name": str(record.content["name"]),
            "meta.helm.sh/release-namespace": str(record.content["namespace"]),
        }
    return {key: value for key, value in part.body.items() if key != "status"} | {"metadata": metadata}


def _is_scaled(server: Server, part: Part) -> bool:
    """Whether a HorizontalPodAutoscaler sets the number of its replicas."""
    path = f"apis/autoscaling/v2/namespaces/{part.namespace}/horizontalpodautoscalers"
    subject = f"the autoscalers of {part.namespace}"
    listed = server.get(path, subject) or {}
    with expected_form(subject):
        targets = [(item.get("spec") or {}).get("scaleTargetRef") or {} for item in listed.get("items") or []]
        return (part.kind, part.name) in [(target.get("kind"), target.get("name")) for target in targets]


def _path(kind: Kind, part: Part) -> str:
    return f"{kind.collection(part.namespace)}/{part.name}"
