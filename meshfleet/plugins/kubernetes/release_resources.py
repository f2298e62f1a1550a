"""Helm releases as Pulumi resources: the six operations on them, from the wire and back.

The state holds the release's inputs and outputs, and beside them `__inputs`, always secret as in the official
provider: values may hold anything.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from meshfleet.plugins.kubernetes import diff, naming
from meshfleet.plugins.kubernetes import release_rules as rules
from meshfleet.plugins.kubernetes.settings import Settings
from meshfleet.plugins.kubernetes.values import JsonObject, plain_object, secure, wire_object
from meshfleet.plugins.property_value import PropertyValue
from meshfleet.plugins.protocol import (
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
    from meshfleet.kube.releases.record import Record
    from meshfleet.plugins.kubernetes.releases import Releases

_REPLACING = (("name",), ("namespace",))


class ReleaseResources:
    """All resources that are Helm releases. `releases` connects to the cluster when it is first needed."""

    def __init__(self, settings: Settings, releases: Callable[[], Releases]) -> None:
        self._settings = settings
        self._releases = releases

    def check(self, request: CheckRequest) -> CheckResponse:
        """The inputs with name, namespace, version."""
        inputs, failures = rules.check(
            plain_object(request.new_inputs),
            plain_object(request.old_inputs),
            request.name,
            request.random_seed,
            self._settings.default_namespace,
        )
        return CheckResponse(inputs=secure(wire_object(inputs), request.new_inputs), failures=failures)

    def diff(self, request: DiffRequest) -> DiffResponse:
        """Compare the new inputs with what the state says the release has."""
        state = plain_object(request.old_state)
        found = rules.differences(state.get("__inputs") or {}, state, plain_object(request.new_inputs))
        return diff.respond(found, _REPLACING, request.ignore_changes, delete_before_replace=False)

    def create(self, request: CreateRequest) -> CreateResponse:
        """Install."""
        inputs = plain_object(request.properties)
        if request.preview:
            return CreateResponse(None, _preview(inputs, request.properties))
        from meshfleet.plugins.kubernetes.releases import HalfDoneError

        identifier = f"{inputs['namespace']}/{inputs['name']}"
        try:
            record = self._releases().create(inputs, request.timeout)
        except HalfDoneError as error:
            state = _state(inputs, error.record, request.properties)
            raise InitializationError(str(error), identifier, state, request.properties) from error
        return CreateResponse(identifier, _state(inputs, record, request.properties))

    def update(self, request: UpdateRequest) -> UpdateResponse:
        """Upgrade."""
        inputs = plain_object(request.news)
        if request.preview:
            return UpdateResponse(_preview(inputs, request.news))
        from meshfleet.plugins.kubernetes.releases import HalfDoneError

        try:
            record = self._releases().update(inputs, request.timeout)
        except HalfDoneError as error:
            state = _state(inputs, error.record, request.news)
            raise InitializationError(str(error), request.resource_id, state, request.news) from error
        return UpdateResponse(_state(inputs, record, request.news))

    def read(self, request: ReadRequest) -> ReadResponse:
        """The release as Helm has it."""
        namespace, name = naming.parse_identifier(request.resource_id)
        record = self._releases().read(namespace or self._settings.default_namespace, name)
        if record is None:
            return ReadResponse()
        state = plain_object(request.properties)
        inputs = state.get("__inputs") or plain_object(request.inputs)
        if not inputs:
            inputs = rules.as_inputs(record)
        outputs = _state(inputs, record, request.inputs, known=state)
        return ReadResponse(request.resource_id, outputs, secure(wire_object(inputs), request.inputs))

    def delete(self, request: DeleteRequest) -> None:
        """Uninstall."""
        inputs = plain_object(request.properties).get("__inputs") or {}
        namespace, name = naming.parse_identifier(request.resource_id)
        self._releases().delete(inputs, namespace or self._settings.default_namespace, name, request.timeout)


def _state(inputs: JsonObject, record: Record, source: Properties, *, known: JsonObject | None = None) -> Properties:
    """The recorded state; `known` is what a refresh finds recorded."""
    outputs = secure(wire_object(rules.outputs(inputs, record, known)), source)
    outputs["__inputs"] = PropertyValue(secure(wire_object(inputs), source), is_secret=True)
    return outputs


def _preview(inputs: JsonObject, source: Properties) -> Properties:
    outputs = secure(wire_object(inputs), source)
    return {
        **outputs,
        "status": PropertyValue.computed(),
        "resourceNames": PropertyValue.computed(),
    }
