"""The `meshfleet` provider: finds the handler of a resource type and translates between it and the engine.

Protocol: https://github.com/pulumi/pulumi/blob/master/proto/pulumi/provider.proto
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Final

from meshfleet import __version__
from meshfleet.errors import UnsupportedError
from meshfleet.plugins import protocol
from meshfleet.plugins.meshfleet.conversion import checked_properties, plain_properties, state_properties
from meshfleet.plugins.meshfleet.handler import UNKNOWN, Difference, Properties, ResourceHandler

VERSION: Final = __version__

# Type token → module and class. Loaded when first asked for: a run with nothing to change must start quickly,
# and certificates need a library that processes do not.
_HANDLERS: Final = {
    "meshfleet:index:ClusterIdentity": ("cluster_identity", "ClusterIdentityHandler"),
    "meshfleet:index:EastWestGatewayAddress": ("east_west_gateway_address", "EastWestGatewayAddressHandler"),
    "meshfleet:index:EmbeddedCluster": ("embedded_cluster", "EmbeddedClusterHandler"),
    "meshfleet:index:EmbeddedNode": ("embedded_node", "EmbeddedNodeHandler"),
    "meshfleet:index:IntermediateCertificateAuthority": (
        "intermediate_certificate_authority",
        "IntermediateCertificateAuthorityHandler",
    ),
    "meshfleet:index:Istiod": ("istiod", "IstiodHandler"),
    "meshfleet:index:IstiodAddress": ("istiod_address", "IstiodAddressHandler"),
    "meshfleet:index:IstiodConfigMaps": ("istiod_configmaps", "IstiodConfigMapsHandler"),
    "meshfleet:index:ReleaseParts": ("release_parts", "ReleasePartsHandler"),
    "meshfleet:index:RemoteClusters": ("remote_clusters", "RemoteClustersHandler"),
    "meshfleet:index:RootCertificateAuthority": (
        "root_certificate_authority",
        "RootCertificateAuthorityHandler",
    ),
    "meshfleet:index:ServedCluster": ("served_cluster", "ServedClusterHandler"),
}


def load_handler(token: str) -> ResourceHandler:
    """The handler of a resource type. Raises UnsupportedError naming the type and those there are."""
    if token not in _HANDLERS:
        raise UnsupportedError(f"{token}: no such resource type; this plugin has {', '.join(sorted(_HANDLERS))}")
    module, name = _HANDLERS[token]
    handler: ResourceHandler = getattr(import_module(f"meshfleet.plugins.meshfleet.{module}"), name)()
    return handler


def load_handlers() -> None:
    """Import every handler, for a process that has the time before the first request."""
    for token in _HANDLERS:
        load_handler(token)


class MeshfleetProvider(protocol.Provider):
    """Serves every resource type of this project; keeps no state between requests."""

    def __init__(self, find_handler: Callable[[str], ResourceHandler] = load_handler) -> None:
        self._find_handler = find_handler

    def check(self, request: protocol.CheckRequest) -> protocol.CheckResponse:
        """Fills in defaults, marks secrets, reports faults."""
        handler = self._find_handler(request.type)
        inputs, faults = handler.check(plain_properties(request.new_inputs))
        return protocol.CheckResponse(
            inputs=checked_properties(request.new_inputs, inputs, handler.secret_inputs),
            failures=[protocol.CheckFailure(fault.property, fault.reason) for fault in faults],
        )

    def diff(self, request: protocol.DiffRequest) -> protocol.DiffResponse:
        """Compares with the last run, and with the world where the handler looks at it."""
        handler = self._find_handler(request.type)
        old_inputs = plain_properties(request.old_inputs)
        new_inputs = plain_properties(request.new_inputs)
        for name in request.ignore_changes:
            if name in old_inputs:
                new_inputs[name] = old_inputs[name]
        found = handler.diff(old_inputs, _outputs(handler, request.old_state), new_inputs)
        return _difference(found, old_inputs, new_inputs)

    def create(self, request: protocol.CreateRequest) -> protocol.CreateResponse:
        """Makes it; in a preview only says what is certain already."""
        handler = self._find_handler(request.type)
        inputs = plain_properties(request.properties)
        if request.preview:
            outputs = dict.fromkeys(handler.outputs, UNKNOWN) | handler.preview(None, inputs)
            return protocol.CreateResponse("", _state(handler, request.properties, outputs))
        made = handler.create(inputs, request.timeout)
        return protocol.CreateResponse(made.identifier, _state(handler, request.properties, made.outputs))

    def read(self, request: protocol.ReadRequest) -> protocol.ReadResponse:
        """Looks at the world; an answer without id says that nothing is left."""
        handler = self._find_handler(request.type)
        if not request.inputs:
            raise UnsupportedError(
                f"{request.urn}: import is not supported for {request.type}; declare it and run up, "
                "which adopts what is there"
            )
        outputs = handler.read(
            request.resource_id, plain_properties(request.inputs), _outputs(handler, request.properties)
        )
        if outputs is None:
            return protocol.ReadResponse()
        return protocol.ReadResponse(request.resource_id, _state(handler, request.inputs, outputs), request.inputs)

    def update(self, request: protocol.UpdateRequest) -> protocol.UpdateResponse:
        """Changes it in place; in a preview only says what is certain already."""
        handler = self._find_handler(request.type)
        old_outputs = _outputs(handler, request.olds)
        inputs = plain_properties(request.news)
        if request.preview:
            outputs = dict.fromkeys(handler.outputs, UNKNOWN) | handler.preview(old_outputs, inputs)
        else:
            old_inputs = plain_properties(request.old_inputs)
            outputs = handler.update(request.resource_id, old_inputs, old_outputs, inputs, request.timeout)
        return protocol.UpdateResponse(_state(handler, request.news, outputs))

    def delete(self, request: protocol.DeleteRequest) -> None:
        """Removes it and all it left."""
        handler = self._find_handler(request.type)
        old_outputs = _outputs(handler, request.properties)
        inputs = {name: value for name, value in request.properties.items() if name not in old_outputs}
        # An engine that does not send the inputs again: the state repeats them.
        given = plain_properties(request.old_inputs) or plain_properties(inputs)
        handler.delete(request.resource_id, given, old_outputs, request.timeout)


def _outputs(handler: ResourceHandler, state: Mapping[str, protocol.PropertyValue]) -> Properties:
    return {name: value for name, value in plain_properties(state).items() if name in handler.outputs}


def _state(
    handler: ResourceHandler, inputs: Mapping[str, protocol.PropertyValue], outputs: Properties
) -> dict[str, protocol.PropertyValue]:
    return state_properties(inputs, outputs, handler.secret_outputs)


def _difference(found: Difference, old_inputs: Properties, new_inputs: Properties) -> protocol.DiffResponse:
    names = [*found.updates, *found.replaces]
    detailed = {name: _kind(name, name in found.replaces, old_inputs, new_inputs) for name in names}
    return protocol.DiffResponse(
        changes=bool(names),
        replaces=found.replaces,
        delete_before_replace=found.delete_before_replace,
        diffs=names,
        detailed_diff=detailed,
    )


def _kind(name: str, replaces: bool, old_inputs: Properties, new_inputs: Properties) -> protocol.PropertyDiff:
    kinds = protocol.PropertyDiffKind
    if name not in old_inputs and name not in new_inputs:
        # An output, such as `state`.
        return protocol.PropertyDiff(kinds.UPDATE_REPLACE if replaces else kinds.UPDATE)
    if name not in old_inputs:
        kind = kinds.ADD_REPLACE if replaces else kinds.ADD
    elif name not in new_inputs:
        kind = kinds.DELETE_REPLACE if replaces else kinds.DELETE
    else:
        kind = kinds.UPDATE_REPLACE if replaces else kinds.UPDATE
    return protocol.PropertyDiff(kind, input_diff=True)
