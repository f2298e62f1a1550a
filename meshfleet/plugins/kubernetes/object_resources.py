"""Kubernetes objects as Pulumi resources: the six operations on them, from the wire and back.

The state of an object is the live object without what changes by itself, and beside it, as in the official
provider's states, `__inputs` (what was applied, or what a refresh found in its place), `__initialApiVersion` and
`__fieldManager`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from meshfleet.plugins.kubernetes import diff, naming
from meshfleet.plugins.kubernetes.faults import NotReadyError
from meshfleet.plugins.kubernetes.kinds import GroupVersionKind, ObjectToken, parse_token
from meshfleet.plugins.kubernetes.replacement import replacing_paths
from meshfleet.plugins.kubernetes.settings import Settings
from meshfleet.plugins.kubernetes.shapes import as_inputs, field_manager, stable
from meshfleet.plugins.kubernetes.values import JsonObject, Unknown, at, plain, plain_object, secure, wire_object
from meshfleet.plugins.property_value import PropertyValue
from meshfleet.plugins.protocol import (
    CheckFailure,
    CheckRequest,
    CheckResponse,
    CreateRequest,
    CreateResponse,
    DeleteRequest,
    DiffRequest,
    DiffResponse,
    InitializationError,
    Properties,
    ReadRequest,
    ReadResponse,
    UpdateRequest,
    UpdateResponse,
)

if TYPE_CHECKING:
    from meshfleet.plugins.kubernetes.objects import Objects

_OWN_KEYS = ("__inputs", "__initialApiVersion", "__fieldManager")


class ObjectResources:
    """All resources that are Kubernetes objects. `objects` connects to the cluster when it is first needed."""

    def __init__(self, settings: Settings, objects: Callable[[], Objects]) -> None:
        self._settings = settings
        self._objects = objects

    def check(self, request: CheckRequest) -> CheckResponse:
        """The inputs with a name and, if the provider has a default namespace, with a namespace."""
        inputs = plain_object(request.new_inputs)
        token = parse_token(request.type, inputs)
        metadata = inputs.get("metadata")
        failures: list[CheckFailure] = []
        if isinstance(metadata, Unknown):
            return CheckResponse(inputs=request.new_inputs)
        inputs["metadata"] = {} if metadata is None else metadata
        if token.patch:
            if at(inputs, "metadata", "name") is None:
                failures.append(
                    CheckFailure(
                        "metadata.name",
                        "missing: a Patch needs the name of what it patches",
                    )
                )
        else:
            old_inputs = plain_object(request.old_inputs)
            inputs, failures = naming.with_name(inputs, old_inputs, request.name, request.random_seed)
        if self._settings.namespace and not token.group_version_kind.cluster_scoped:
            inputs["metadata"].setdefault("namespace", self._settings.namespace)
        inputs.setdefault("apiVersion", token.group_version_kind.api_version)
        inputs.setdefault("kind", token.group_version_kind.kind)
        return CheckResponse(inputs=secure(wire_object(inputs), request.new_inputs), failures=failures)

    def diff(self, request: DiffRequest) -> DiffResponse:
        """Compare the new inputs with what the state says is applied."""
        new = plain_object(request.new_inputs)
        old = plain_object(request.old_state).get("__inputs") or {}
        token = parse_token(request.type, new)
        identity = token.group_version_kind
        old_name, new_name = at(old, "metadata", "name"), at(new, "metadata", "name")
        for side in (old, new):
            _set_namespace(side, identity, self._settings.default_namespace)
        old_group, new_group = _group(old), _group(new)
        found = list(diff.changes(old, new))
        rules = replacing_paths(identity, new, self._settings, token.patch)
        if old_group != new_group:
            rules += (("apiVersion",), ("kind",))
        keeps_name = new_name is not None and new_name == old_name and not naming.is_autonamed(new)
        same_place = at(old, "metadata", "namespace") == at(new, "metadata", "namespace")
        return diff.respond(found, rules, request.ignore_changes, keeps_name and same_place)

    def create(self, request: CreateRequest) -> CreateResponse:
        """Create and wait. An object that exists but does not become ready is recorded together with the reason."""
        inputs = plain_object(request.properties)
        token = parse_token(request.type, inputs)
        if request.preview:
            return CreateResponse(None, self._preview(request.properties, {}))
        manager = field_manager(request.urn, inputs, None)
        live = self._objects().create(token, inputs, manager)
        identifier = naming.identifier(live["metadata"])
        try:
            live = self._objects().until_ready(token, inputs, live, request.timeout)
        except NotReadyError as error:
            state = _state(token, live, request.properties, inputs, manager)
            raise InitializationError(str(error), identifier, state, request.properties) from error
        return CreateResponse(identifier, _state(token, live, request.properties, inputs, manager))

    def update(self, request: UpdateRequest) -> UpdateResponse:
        """Apply and wait."""
        inputs = plain_object(request.news)
        token = parse_token(request.type, inputs)
        if request.preview:
            return UpdateResponse(self._preview(request.news, request.olds))
        recorded = _text(request.olds.get("__fieldManager"))
        manager = field_manager(request.urn, inputs, recorded)
        old_manager = recorded or manager
        live = self._objects().update(token, inputs, manager, old_manager)
        try:
            live = self._objects().until_ready(token, inputs, live, request.timeout)
        except NotReadyError as error:
            state = _state(token, live, request.news, inputs, manager)
            raise InitializationError(str(error), request.resource_id, state, request.news) from error
        return UpdateResponse(_state(token, live, request.news, inputs, manager))

    def read(self, request: ReadRequest) -> ReadResponse:
        """The live object; the fields that were applied and have drifted show in the returned inputs."""
        state = plain_object(request.properties)
        inputs = state.get("__inputs") or plain_object(request.inputs)
        token = parse_token(request.type, inputs)
        namespace, name = naming.parse_identifier(request.resource_id)
        live = self._objects().read(token, namespace, name)
        if live is None:
            return ReadResponse()
        old_live = {key: value for key, value in state.items() if key not in _OWN_KEYS}
        new_live = stable(token.group_version_kind, live)
        seen = diff.observed(inputs, old_live, new_live) if inputs else as_inputs(new_live)
        source = request.inputs or request.properties
        manager = field_manager(request.urn, inputs, _text(request.properties.get("__fieldManager")))
        outputs = _state(token, live, source, seen, manager)
        wire_inputs = secure(wire_object(seen), source)
        reason = self._objects().unready(token, inputs, live) if inputs else None
        if reason is not None:
            text = f"{token.group_version_kind.kind} {request.resource_id} is not ready: {reason}"
            raise InitializationError(text, request.resource_id, outputs, wire_inputs)
        return ReadResponse(request.resource_id, outputs, wire_inputs)

    def delete(self, request: DeleteRequest) -> None:
        """Remove the object, or give up the fields of a patch."""
        inputs = plain_object(request.properties).get("__inputs") or {}
        token = parse_token(request.type, inputs)
        namespace, name = naming.parse_identifier(request.resource_id)
        manager = field_manager(request.urn, inputs, _text(request.properties.get("__fieldManager")))
        self._objects().delete(token, inputs, namespace, name, manager, request.timeout)

    def _preview(self, news: Properties, olds: Properties) -> Properties:
        """What is certain before acting: the new inputs over what the object has now."""
        outputs = _overlay({key: value for key, value in olds.items() if key not in _OWN_KEYS}, news)
        return secure(outputs, news)


def _state(
    token: ObjectToken,
    live: JsonObject,
    source: Properties,
    inputs: JsonObject,
    manager: str,
) -> Properties:
    """The recorded state; secret is what was secret in `source` and the contents of a Secret."""
    outputs = secure(wire_object(stable(token.group_version_kind, live)), _with_encoded(source))
    outputs["__inputs"] = PropertyValue(secure(wire_object(inputs), source))
    outputs["__initialApiVersion"] = PropertyValue(token.group_version_kind.api_version)
    outputs["__fieldManager"] = PropertyValue(manager)
    return outputs


def _with_encoded(source: Properties) -> Properties:
    """`stringData` comes back as `data`: what was secret there is secret here."""
    text = source.get("stringData")
    return {**source, "data": text} if text is not None and "data" not in source else source


def _overlay(old: Mapping[str, PropertyValue], new: Mapping[str, PropertyValue]) -> Properties:
    result = dict(old)
    for key, value in new.items():
        before = result.get(key)
        if before is not None and isinstance(before.value, dict) and isinstance(value.value, dict):
            secret = before.is_secret or value.is_secret
            result[key] = PropertyValue(_overlay(before.value, value.value), secret)
        else:
            result[key] = value
    return result


def _set_namespace(inputs: JsonObject, identity: GroupVersionKind, default: str) -> None:
    """Make an unsaid namespace comparable; which scope a kind has is left to the server where it is not known here."""
    metadata = inputs.get("metadata")
    if not isinstance(metadata, dict):
        return
    inputs["metadata"] = metadata = copy.copy(metadata)
    if identity.cluster_scoped:
        metadata.pop("namespace", None)
    elif metadata.get("namespace") is None:
        metadata["namespace"] = default


def _group(inputs: JsonObject) -> tuple[Any, Any]:
    """What makes an object another one: the group and the kind, not the version."""
    return str(inputs.get("apiVersion", "")).rpartition("/")[0], inputs.get("kind")


def _text(value: PropertyValue | None) -> str | None:
    found = None if value is None else plain(value)
    return found if isinstance(found, str) else None


__all__ = ["ObjectResources"]
