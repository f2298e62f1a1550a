"""The `meshfleet` provider: selects the handler of a resource type and translates between it and the engine.

Protocol: https://github.com/pulumi/pulumi/blob/master/proto/pulumi/provider.proto
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Final

from meshfleet import __version__
from meshfleet.errors import UnsupportedError
from meshfleet.plugins import protocol
from meshfleet.plugins.meshfleet.conversion import checked_properties, plain_properties, state_properties
from meshfleet.plugins.meshfleet.former_names import current_properties, current_type
from meshfleet.plugins.meshfleet.handler import UNKNOWN, Difference, Properties, ResourceHandler

VERSION: Final = __version__

# Type token → module and class. Each is imported on first use: a run without changes must start quickly, and
# certificates need a library that processes do not.
_HANDLERS: Final = {
    "meshfleet:index:CertManager": ("cert_manager", "CertManagerHandler"),
    "meshfleet:index:CertManagerIntermediate": ("cert_manager_intermediate", "CertManagerIntermediateHandler"),
    "meshfleet:index:ClusterIdentity": ("cluster_identity", "ClusterIdentityHandler"),
    "meshfleet:index:EmbeddedCluster": ("embedded_cluster", "EmbeddedClusterHandler"),
    "meshfleet:index:EmbeddedNode": ("embedded_node", "EmbeddedNodeHandler"),
    "meshfleet:index:GatewayAddress": ("gateway_address", "GatewayAddressHandler"),
    "meshfleet:index:IntermediateCertificateAuthority": (
        "intermediate_certificate_authority",
        "IntermediateCertificateAuthorityHandler",
    ),
    "meshfleet:index:IssuedIntermediate": ("issued_certificates", "IssuedIntermediateHandler"),
    "meshfleet:index:IssuedRoot": ("issued_certificates", "IssuedRootHandler"),
    "meshfleet:index:Istiod": ("istiod", "IstiodHandler"),
    "meshfleet:index:IstiodAddress": ("istiod_address", "IstiodAddressHandler"),
    "meshfleet:index:IstiodConfigMapCleanup": ("istiod_configmap_cleanup", "IstiodConfigMapCleanupHandler"),
    "meshfleet:index:KarmadaCertificateAuthority": (
        "karmada_certificate_authority",
        "KarmadaCertificateAuthorityHandler",
    ),
    "meshfleet:index:KarmadaClusters": ("karmada_clusters", "KarmadaClustersHandler"),
    "meshfleet:index:KarmadaHooksCleanup": ("karmada_hooks_cleanup", "KarmadaHooksCleanupHandler"),
    "meshfleet:index:KarmadaServer": ("karmada_server", "KarmadaServerHandler"),
    "meshfleet:index:KindCluster": ("kind_cluster", "KindClusterHandler"),
    "meshfleet:index:Portal": ("portal", "PortalHandler"),
    "meshfleet:index:ReleaseObjects": ("release_objects", "ReleaseObjectsHandler"),
    "meshfleet:index:RemoteClusterReadiness": ("remote_cluster_readiness", "RemoteClusterReadinessHandler"),
    "meshfleet:index:RemoteClusters": ("remote_clusters", "RemoteClustersHandler"),
    "meshfleet:index:RootCertificateAuthority": (
        "root_certificate_authority",
        "RootCertificateAuthorityHandler",
    ),
}


def load_handler(token: str) -> ResourceHandler:
    """The handler of a resource type, by its current or a former token.

    Raises UnsupportedError naming the type and the supported ones.
    """
    if (current := current_type(token)) not in _HANDLERS:
        raise UnsupportedError(f"{token}: no such resource type; this plugin has {', '.join(sorted(_HANDLERS))}")
    module, name = _HANDLERS[current]
    handler: ResourceHandler = getattr(import_module(f"meshfleet.plugins.meshfleet.{module}"), name)()
    return handler


def load_handlers() -> None:
    """Import every handler ahead of the first request."""
    for token in _HANDLERS:
        load_handler(token)


class MeshfleetProvider(protocol.Provider):
    """Serves every resource type of this project; keeps no state between requests."""

    def __init__(self, find_handler: Callable[[str], ResourceHandler] = load_handler) -> None:
        self._find_handler = find_handler

    def schema(self) -> str:
        """Every resource type with its inputs and outputs."""
        from meshfleet.plugins.meshfleet.package_schema import package_schema

        return json.dumps(package_schema())

    def check(self, request: protocol.CheckRequest) -> protocol.CheckResponse:
        """Fills in defaults, marks secrets, reports invalid inputs."""
        handler = self._find_handler(request.type)
        inputs, faults = handler.check(plain_properties(request.new_inputs))
        return protocol.CheckResponse(
            inputs=checked_properties(request.new_inputs, inputs, handler.secret_inputs),
            failures=[protocol.CheckFailure(fault.property, fault.reason) for fault in faults],
        )

    def diff(self, request: protocol.DiffRequest) -> protocol.DiffResponse:
        """Compares with the recorded inputs, and with the live resource where the handler reads it."""
        handler = self._find_handler(request.type)
        old_inputs = _recorded(request.type, request.old_inputs)
        # A refresh passes recorded inputs as the new ones.
        new_inputs = _recorded(request.type, request.new_inputs)
        for name in request.ignore_changes:
            if name in old_inputs:
                new_inputs[name] = old_inputs[name]
        found = handler.diff(old_inputs, _outputs(handler, request.type, request.old_state), new_inputs)
        return _difference(found, old_inputs, new_inputs)

    def create(self, request: protocol.CreateRequest) -> protocol.CreateResponse:
        """Creates it; a preview returns only the outputs that are known."""
        handler = self._find_handler(request.type)
        inputs = plain_properties(request.properties)
        if request.preview:
            outputs = dict.fromkeys(handler.outputs, UNKNOWN) | handler.preview(None, inputs)
            return protocol.CreateResponse("", _state(handler, request.properties, outputs))
        made = handler.create(inputs, request.timeout)
        return protocol.CreateResponse(made.identifier, _state(handler, request.properties, made.outputs))

    def read(self, request: protocol.ReadRequest) -> protocol.ReadResponse:
        """Reads the live resource; a response without an id means that it no longer exists."""
        handler = self._find_handler(request.type)
        if not request.inputs:
            raise UnsupportedError(
                f"{request.urn}: import is not supported for {request.type}; declare it and run up, "
                "which adopts the existing one"
            )
        outputs = handler.read(
            request.resource_id,
            _recorded(request.type, request.inputs),
            _outputs(handler, request.type, request.properties),
        )
        if outputs is None:
            return protocol.ReadResponse()
        return protocol.ReadResponse(request.resource_id, _state(handler, request.inputs, outputs), request.inputs)

    def update(self, request: protocol.UpdateRequest) -> protocol.UpdateResponse:
        """Changes it in place; a preview returns only the outputs that are known."""
        handler = self._find_handler(request.type)
        old_outputs = _outputs(handler, request.type, request.olds)
        inputs = plain_properties(request.news)
        if request.preview:
            outputs = dict.fromkeys(handler.outputs, UNKNOWN) | handler.preview(old_outputs, inputs)
        else:
            old_inputs = _recorded(request.type, request.old_inputs)
            outputs = handler.update(request.resource_id, old_inputs, old_outputs, inputs, request.timeout)
        return protocol.UpdateResponse(_state(handler, request.news, outputs))

    def delete(self, request: protocol.DeleteRequest) -> None:
        """Removes it with everything it created."""
        handler = self._find_handler(request.type)
        state = _recorded(request.type, request.properties)
        old_outputs = {name: value for name, value in state.items() if name in handler.outputs}
        # An engine that does not send the inputs again: the state repeats them.
        inputs = _recorded(request.type, request.old_inputs) or {
            name: value for name, value in state.items() if name not in old_outputs
        }
        handler.delete(request.resource_id, inputs, old_outputs, request.timeout)


def _recorded(token: str, properties: Mapping[str, protocol.PropertyValue]) -> Properties:
    return current_properties(token, plain_properties(properties))


def _outputs(handler: ResourceHandler, token: str, state: Mapping[str, protocol.PropertyValue]) -> Properties:
    return {name: value for name, value in _recorded(token, state).items() if name in handler.outputs}


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
