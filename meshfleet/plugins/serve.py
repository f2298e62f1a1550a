"""Run a provider as a Pulumi plugin: a gRPC server on loopback whose port is the first line on standard output.

Written on Pulumi's generated messages alone instead of `pulumi.provider.experimental.server`: that module imports
the whole SDK (0.45 s, against 0.17 s here), and every `up` starts one plugin process per explicit provider.
Protocol: https://github.com/pulumi/pulumi/blob/master/proto/pulumi/provider.proto
"""

# ruff: noqa: N802 - the methods are called as in the protocol
from __future__ import annotations

import asyncio
import inspect
import logging
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf import empty_pb2

from meshfleet.errors import MeshfleetError, UnsupportedError
from meshfleet.kube.loading import load_lightkube
from meshfleet.plugins import protocol
from meshfleet.plugins.engine_watch import watch_engine
from meshfleet.plugins.peer import OwnUserOnly
from meshfleet.plugins.property_value import PropertyValue

if TYPE_CHECKING:
    from pulumi.runtime.proto import plugin_pb2, provider_pb2, status_pb2
    from pulumi.runtime.proto.provider_pb2_grpc import (
        ResourceProviderServicer,
        add_ResourceProviderServicer_to_server,
    )
else:
    from meshfleet.plugins.proto import plugin_pb2, provider_pb2, status_pb2
    from meshfleet.plugins.proto.provider_pb2_grpc import (
        ResourceProviderServicer,
        add_ResourceProviderServicer_to_server,
    )

logger = logging.getLogger(__name__)

# As in Pulumi's own servers: a state of one resource may be large, a wait for a thread long.
_OPTIONS = (
    ("grpc.max_receive_message_length", 400 * 1024 * 1024),
    ("grpc.max_send_message_length", 400 * 1024 * 1024),
    ("grpc.server_max_unrequested_time_in_server", 30 * 60),
)
# Threads are made as they are needed; the engine asks for at most its `--parallel` at once.
_MAX_REQUESTS = 256

_load = PropertyValue.unmarshal_map
_dump = PropertyValue.marshal_map


class _Servicer(ResourceProviderServicer):
    """Translates messages into calls of a `Provider` and its errors into what the engine shows."""

    def __init__(self, provider: Any, version: str) -> None:
        self._provider = provider
        self._version = version

    def _call(self, context: Any, method: Callable[[Any], Any], request: Any) -> Any:
        """Run one method; on an error ends the request with the text the user is to see."""
        try:
            answer = method(request)
            return asyncio.run(answer) if inspect.iscoroutine(answer) else answer
        except protocol.InitializationError as error:
            self._abort_half_made(context, error)
        except MeshfleetError as error:
            code = grpc.StatusCode.UNIMPLEMENTED if isinstance(error, UnsupportedError) else grpc.StatusCode.UNKNOWN
            context.abort(code, str(error))
        except NotImplementedError as error:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, f"this plugin does not implement {error}")
        except Exception as error:  # the boundary of the process: whatever it is, the engine must hear of it
            logger.exception("request failed: %s", getattr(request, "urn", type(request).__name__))
            context.abort(grpc.StatusCode.INTERNAL, f"{type(error).__name__}: {error}")

    def _call_cluster(self, context: Any, method: Callable[[Any], Any], request: Any) -> Any:
        """The same for a method that may reach a cluster."""

        def loaded(request: Any) -> Any:
            load_lightkube()
            return method(request)

        return self._call(context, loaded, request)

    def _abort_half_made(self, context: Any, error: protocol.InitializationError) -> None:
        detail = _half_made(error)
        status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(error))
        status.details.add().Pack(detail)
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
        context.abort(grpc.StatusCode.UNKNOWN, str(error))

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version=self._version)

    def Cancel(self, request: Any, context: Any) -> Any:
        self._call(context, lambda _: self._provider.cancel(), request)
        return empty_pb2.Empty()

    def GetSchema(self, request: Any, context: Any) -> Any:
        schema = self._call(context, lambda _: self._provider.schema(), request)
        return provider_pb2.GetSchemaResponse(schema=schema)

    def CheckConfig(self, request: Any, context: Any) -> Any:
        return self._check(request, context, self._provider.check_config)

    def Check(self, request: Any, context: Any) -> Any:
        return self._check(request, context, self._provider.check)

    def _check(self, request: Any, context: Any, method: Callable[[Any], Any]) -> Any:
        asked = protocol.CheckRequest(request.urn, _load(request.olds), _load(request.news), request.randomSeed)
        answer = self._call(context, method, asked)
        failures = [provider_pb2.CheckFailure(property=f.property, reason=f.reason) for f in answer.failures or ()]
        inputs = None if answer.inputs is None else _dump(answer.inputs)
        return provider_pb2.CheckResponse(inputs=inputs, failures=failures)

    def DiffConfig(self, request: Any, context: Any) -> Any:
        return self._diff(request, context, self._provider.diff_config)

    def Diff(self, request: Any, context: Any) -> Any:
        return self._diff(request, context, self._provider.diff)

    def _diff(self, request: Any, context: Any, method: Callable[[Any], Any]) -> Any:
        asked = protocol.DiffRequest(
            request.urn,
            request.id,
            _load(request.olds),
            _load(request.news),
            list(request.ignoreChanges),
            _load(request.old_inputs),
        )
        answer = self._call(context, method, asked)
        changes = {
            None: provider_pb2.DiffResponse.DIFF_UNKNOWN,
            True: provider_pb2.DiffResponse.DIFF_SOME,
            False: provider_pb2.DiffResponse.DIFF_NONE,
        }[answer.changes]
        return provider_pb2.DiffResponse(
            changes=changes,
            replaces=answer.replaces,
            stables=answer.stables,
            diffs=answer.diffs,
            deleteBeforeReplace=answer.delete_before_replace,
            hasDetailedDiff=bool(answer.detailed_diff),
            detailedDiff={
                path: provider_pb2.PropertyDiff(kind=difference.kind.value, inputDiff=difference.input_diff)
                for path, difference in answer.detailed_diff.items()
            },
        )

    def Configure(self, request: Any, context: Any) -> Any:
        asked = protocol.ConfigureRequest(
            dict(request.variables),
            _load(request.args),
            request.acceptSecrets,
            request.acceptResources,
        )
        answer = self._call(context, self._provider.configure, asked)
        return provider_pb2.ConfigureResponse(
            acceptSecrets=answer.accept_secrets,
            supportsPreview=answer.supports_preview,
            acceptResources=answer.accept_resources,
            acceptOutputs=answer.accept_outputs,
        )

    def Create(self, request: Any, context: Any) -> Any:
        asked = protocol.CreateRequest(request.urn, _load(request.properties), request.timeout, request.preview)
        answer = self._call_cluster(context, self._provider.create, asked)
        return provider_pb2.CreateResponse(id=answer.resource_id or "", properties=_dump(answer.properties))

    def Read(self, request: Any, context: Any) -> Any:
        asked = protocol.ReadRequest(request.urn, request.id, _load(request.properties), _load(request.inputs))
        answer = self._call_cluster(context, self._provider.read, asked)
        return provider_pb2.ReadResponse(
            id=answer.resource_id or "",
            properties=_dump(answer.properties),
            inputs=_dump(answer.inputs),
        )

    def Update(self, request: Any, context: Any) -> Any:
        asked = protocol.UpdateRequest(
            request.urn,
            request.id,
            _load(request.olds),
            _load(request.news),
            request.timeout,
            list(request.ignoreChanges),
            request.preview,
            _load(request.old_inputs),
        )
        return provider_pb2.UpdateResponse(
            properties=_dump(self._call_cluster(context, self._provider.update, asked).properties)
        )

    def Delete(self, request: Any, context: Any) -> Any:
        asked = protocol.DeleteRequest(
            request.urn,
            request.id,
            _load(request.properties),
            request.timeout,
            _load(request.old_inputs),
        )
        self._call_cluster(context, self._provider.delete, asked)
        return empty_pb2.Empty()

    def Invoke(self, request: Any, context: Any) -> Any:
        answer = self._call(
            context,
            self._provider.invoke,
            protocol.InvokeRequest(request.tok, _load(request.args)),
        )
        fields: dict[str, Any] = {"return": None if answer.return_value is None else _dump(answer.return_value)}
        fields["failures"] = [provider_pb2.CheckFailure(property=f.property, reason=f.reason) for f in answer.failures]
        return provider_pb2.InvokeResponse(**fields)

    def Construct(self, request: Any, context: Any) -> Any:
        asked = protocol.ConstructRequest(request.type, request.name)
        self._call(context, self._provider.construct, asked)
        return provider_pb2.ConstructResponse()


def _half_made(error: protocol.InitializationError) -> Any:
    """The message by which the engine keeps an object that exists but is not ready."""
    return provider_pb2.ErrorResourceInitFailed(
        id=error.resource_id,
        properties=_dump(error.properties),
        inputs=_dump(error.inputs),
        reasons=[str(error)],
    )


def listen(provider: Any, version: str) -> tuple[grpc.Server, int]:
    """A server on loopback that already takes requests of this user to `provider`, and its port."""
    guard = OwnUserOnly()
    server = grpc.server(
        ThreadPoolExecutor(_MAX_REQUESTS, thread_name_prefix="request"),
        options=_OPTIONS,
        interceptors=(guard,),
    )
    add_ResourceProviderServicer_to_server(_Servicer(provider, version), server)
    port = server.add_insecure_port("127.0.0.1:0")
    guard.port = port
    server.start()
    return server, port


def serve(provider: Any, version: str, on_engine_death: Callable[[], None] | None = None) -> None:
    """Serve `provider` (a `meshfleet.plugins.protocol.Provider` or anything with its methods) until the engine is gone.

    `version` is what the plugin says of itself. `on_engine_death` is called, in a thread of its own, when the
    engine died without ending us: it may stop what this process started, within seconds; then the process ends.
    A `MeshfleetError` reaches the user as its plain text; anything else with its type, the traceback on standard
    error at log level.
    """
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(name)s: %(message)s")

    def leave() -> None:
        if on_engine_death is not None:
            on_engine_death()
        os._exit(0)

    watch_engine(leave)
    server, port = listen(provider, version)
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    try:
        server.wait_for_termination()
    except KeyboardInterrupt:
        server.stop(None)


__all__ = ["listen", "serve"]
