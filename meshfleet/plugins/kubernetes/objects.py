"""The life of one Kubernetes object on its server: made, changed, read and removed.

Each resource applies under a field manager of its own, named after its URN. What exists is never taken over, unless
the user says so (`upsertExistingObjects`): then it is applied from the first, else created.
https://kubernetes.io/docs/reference/using-api/server-side-apply/
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from tenacity import (
    Retrying,
    retry_if_exception,
    sleep_using_event,
    stop_after_delay,
    stop_when_event_set,
    wait_exponential,
)

from meshfleet.errors import ClusterError
from meshfleet.plugins.kubernetes import readiness
from meshfleet.plugins.kubernetes.annotations import PATCH_FORCE, SKIP_AWAIT, is_set, timeout_seconds, wait_for
from meshfleet.plugins.kubernetes.awaits import Waiting
from meshfleet.plugins.kubernetes.connection import Connection
from meshfleet.plugins.kubernetes.definitions import not_served
from meshfleet.plugins.kubernetes.faults import KindMissingError, RefusedError
from meshfleet.plugins.kubernetes.kinds import GroupVersionKind, Kind, Kinds, ObjectToken
from meshfleet.plugins.kubernetes.ownership import CREATOR, taken_over
from meshfleet.plugins.kubernetes.settings import Settings
from meshfleet.plugins.kubernetes.shapes import body, cascade, identity
from meshfleet.plugins.kubernetes.values import JsonObject, at

# How long a missing namespace or CustomResourceDefinition may still turn up; as long as the official provider tries.
_PREREQUISITE_SECONDS: Final = 30.0
# Kinds that the annotation to skip waiting also holds for when they are deleted, as in the official provider.
_SKIP_AWAIT_ON_DELETE: Final = frozenset(
    {"Namespace", "Pod", "ReplicationController", "DaemonSet", "Deployment", "StatefulSet", "Job"}
)


class ExistsError(ClusterError):
    """There is an object by that name already."""


class TerminatingError(ClusterError):
    """An object by that name is still being deleted."""


class Objects:
    """The objects of one server."""

    def __init__(self, connection: Connection, settings: Settings) -> None:
        self._connection = connection
        self._settings = settings
        self._kinds = Kinds(connection.fetch)
        self._waiting = Waiting(connection)
        self._cancelled = threading.Event()

    def cancel(self) -> None:
        """End all waits soon."""
        self._cancelled.set()
        self._waiting.cancel()

    def create(self, token: ObjectToken, inputs: JsonObject, manager: str) -> JsonObject:
        """Make the object and return it once it is there, ready or not; `until_ready` follows.

        A namespace or CustomResourceDefinition that is missing is waited for, and so is the end of an object of that
        name that is still being deleted, at most 30 s. Raises ExistsError for an object that is there, and
        TerminatingError for one that stays; a Patch on the other hand needs nothing but its fields.
        """
        try:
            return self._patiently(lambda: self._create(token, inputs, manager))
        except KindMissingError as error:
            wanted = token.group_version_kind
            if not (matter := not_served(self._connection.fetch, wanted)):
                raise
            message = f"the API server does not serve {wanted.kind} in {wanted.api_version}: {matter}"
            raise KindMissingError(message) from error

    def _create(self, token: ObjectToken, inputs: JsonObject, manager: str) -> JsonObject:
        kind = self._kinds.find(token.group_version_kind)
        namespace, name = self._place(kind, inputs)
        if token.patch or self._settings.upsert_existing_objects:
            live = self._connection.apply(kind, namespace, name, body(kind, inputs), manager, self._force(inputs))
            if at(live, "metadata", "deletionTimestamp") and not token.patch:
                # What is applied to it goes with it.
                raise TerminatingError(
                    f"{kind.describe(namespace, name)} is still being deleted; wait until it is gone, and run the same "
                    "command again"
                )
            return live
        try:
            return self._connection.create(kind, namespace, name, body(kind, inputs), CREATOR)
        except RefusedError as error:
            if error.reason != "AlreadyExists":
                raise
            raise ExistsError(
                f"{kind.describe(namespace, name)} already exists. To change some of its fields declare a "
                f"{kind.identity.kind}Patch; to adopt it run `pulumi import`; if this resource was renamed give it an "
                "alias; to take over whatever exists set `upsertExistingObjects` on the provider"
            ) from error

    def update(self, token: ObjectToken, inputs: JsonObject, manager: str, old_manager: str) -> JsonObject:
        """Apply changed inputs; returns the object once they are stored. Fields no longer asked for are given up.

        Raises ClusterError for an object that is gone: what else it had, only its creation brings back.
        """
        kind = self._kinds.find(token.group_version_kind)
        namespace, name = self._place(kind, inputs)
        before = self._connection.get(kind, namespace, name)
        if before is None:
            raise ClusterError(f"{kind.describe(namespace, name)} not found: it was deleted; run `pulumi refresh`")
        fields = None if token.patch else taken_over(at(before, "metadata", "managedFields") or [], manager)
        if fields is not None:
            version = before["metadata"]["resourceVersion"]
            self._connection.set_managed_fields(kind, namespace, name, version, fields)
        live = self._connection.apply(kind, namespace, name, body(kind, inputs), manager, self._force(inputs))
        if old_manager != manager:
            live = self._connection.apply(
                kind,
                namespace,
                name,
                identity(kind, namespace, name),
                old_manager,
                True,
            )
        return live

    def until_ready(self, token: ObjectToken, inputs: JsonObject, live: JsonObject, timeout: float) -> JsonObject:
        """The object once it is ready by the rules of its kind or its annotations. Raises NotReadyError."""
        if is_set(inputs, SKIP_AWAIT) or token.patch:
            return live
        kind = self._kinds.find(token.group_version_kind)
        chosen = wait_for(inputs)
        question = chosen or (lambda state: readiness.lacks(kind.identity, state))
        live = self._waiting.until_ready(kind, live, question, timeout_seconds(inputs, timeout))
        if chosen is None and (kind.identity.group, kind.identity.kind) == (
            "",
            "Service",
        ):
            self._until_targets_ready(live, timeout_seconds(inputs, timeout))
        return live

    def _until_targets_ready(self, service: JsonObject, timeout: float) -> None:
        """A Service that selects pods is ready when none of the pods it found so far is still starting."""
        spec = service["spec"]
        if not spec.get("selector") or spec.get("clusterIP") == "None" or spec.get("type") == "ExternalName":
            return
        kind = self._kinds.find(GroupVersionKind("", "v1", "Endpoints"))
        metadata = service["metadata"]
        endpoints = self._connection.get(kind, metadata["namespace"], metadata["name"])
        if endpoints is not None:
            self._waiting.until_ready(kind, endpoints, _pending_targets, timeout)

    def unready(self, token: ObjectToken, inputs: JsonObject, live: JsonObject) -> str | None:
        """What a refresh has to report about an object that exists; None if it is well or not judged."""
        if token.patch or is_set(inputs, SKIP_AWAIT) or not readiness.is_judged_on_read(token.group_version_kind):
            return None
        return readiness.lacks(token.group_version_kind, live)

    def read(self, token: ObjectToken, namespace: str | None, name: str) -> JsonObject | None:
        """The live object; None if it, or its whole kind, is gone."""
        try:
            kind = self._kinds.find(token.group_version_kind)
        except KindMissingError:
            return None
        inside = (namespace or self._settings.default_namespace) if kind.namespaced else None
        return self._connection.get(kind, inside, name)

    def delete(
        self,
        token: ObjectToken,
        inputs: JsonObject,
        namespace: str | None,
        name: str,
        manager: str,
        timeout: float,
    ) -> None:
        """Remove the object and wait until it is gone; a Patch only gives its fields up. Gone already is fine."""
        try:
            kind = self._kinds.find(token.group_version_kind)
        except KindMissingError:
            return
        inside = (namespace or self._settings.default_namespace) if kind.namespaced else None
        if token.patch:
            self._release_fields(kind, inside, name, manager)
            return
        live = self._connection.get(kind, inside, name)
        if live is None or not self._connection.delete(kind, inside, name, cascade(kind.identity, inputs)):
            return
        if is_set(inputs, SKIP_AWAIT) and kind.identity.kind in _SKIP_AWAIT_ON_DELETE:
            return
        self._waiting.until_gone(
            kind,
            inside,
            name,
            live["metadata"]["uid"],
            timeout_seconds(inputs, timeout),
        )

    def _release_fields(self, kind: Kind, namespace: str | None, name: str, manager: str) -> None:
        if self._connection.get(kind, namespace, name) is None:
            return
        try:
            self._connection.apply(kind, namespace, name, identity(kind, namespace, name), manager, False)
        except RefusedError as error:
            if error.code != 422:
                raise
            raise ClusterError(
                f"{error}. This patch holds a field that {kind.describe(namespace, name)} must have: hand the field "
                "to another owner first, or set `retain_on_delete` on the patch"
            ) from error

    def _place(self, kind: Kind, inputs: JsonObject) -> tuple[str | None, str]:
        namespace = at(inputs, "metadata", "namespace") or self._settings.default_namespace
        return (str(namespace) if kind.namespaced else None), str(at(inputs, "metadata", "name"))

    def _force(self, inputs: JsonObject) -> bool:
        return self._settings.enable_patch_force or is_set(inputs, PATCH_FORCE)

    def _patiently(self, action: Callable[[], JsonObject]) -> JsonObject:
        """Try again while what the object needs (its namespace, its kind) may still be on its way."""
        retrying = Retrying(
            retry=retry_if_exception(_is_prerequisite_missing),
            wait=wait_exponential(multiplier=0.1, max=2.0),
            stop=stop_after_delay(_PREREQUISITE_SECONDS) | stop_when_event_set(self._cancelled),
            sleep=sleep_using_event(self._cancelled),
            reraise=True,
        )
        return retrying(action)


def _is_prerequisite_missing(error: BaseException) -> bool:
    known = KindMissingError | TerminatingError
    return isinstance(error, known) or (isinstance(error, RefusedError) and error.code == 404)


def _pending_targets(endpoints: JsonObject) -> str | None:
    subsets = endpoints.get("subsets") or []
    waiting = sum(len(subset.get("notReadyAddresses") or []) for subset in subsets)
    return f"{waiting} of the pods it selects are not ready" if waiting else None
