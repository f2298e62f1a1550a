"""Runs the program against a monitor of our own and keeps what was registered: resources, edges, secrets.

Pulumi's `MockResourceArgs` shows neither dependencies nor which values are secret, so the requests themselves are
kept. What a provider would return is made up here; every text in it that must stay secret contains `CONFIDENTIAL`.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Mapping
from typing import Any

import pulumi
from google.protobuf import json_format
from pulumi.runtime import mocks, rpc, settings, stack
from pulumi.runtime.proto import resource_pb2

from meshfleet.components.kubeconfig_file import KARMADA, KubeconfigFile
from meshfleet.components.program import register
from meshfleet.topology import Fleet
from tests.components.registered_graph import Graph, Resource

CONFIDENTIAL = "CONFIDENTIAL"
SECRET = {rpc._special_sig_key: rpc._special_secret_sig}
# Outputs of the plugins that are not inputs, by the type of the resource.
NUMBERS = ("httpPort", "monitoringPort", "grpcPort", "secureGrpcPort", "httpsPort", "port")


class Recorder(mocks.MockMonitor):
    """Answers as the engine would after `up`, and keeps every request."""

    def __init__(self) -> None:
        super().__init__(_NoCalls())
        self.graph = Graph()

    def RegisterResource(self, request: Any) -> Any:
        urn = self.make_urn(request.parent, request.type, request.name)
        assert urn not in self.graph.resources, f"{urn} is registered twice"
        inputs = json_format.MessageToDict(request.object)
        self.graph.resources[urn] = Resource(
            urn=urn,
            type=request.type,
            name=request.name,
            custom=request.custom,
            parent=request.parent,
            provider=request.provider,
            inputs=inputs,
            after=frozenset(request.dependencies),
            property_dependencies={
                name: frozenset(dependencies.urns) for name, dependencies in request.propertyDependencies.items()
            },
            secret_outputs=frozenset(request.additionalSecretOutputs),
            deleted_with=request.deletedWith,
            delete_before_replace=request.deleteBeforeReplace,
            ignored=frozenset(request.ignoreChanges),
            retained=request.retainOnDelete,
            aliases=frozenset(map(_former, request.aliases)) | frozenset(request.aliasURNs),
            call_stack=tuple(frame.pc.uri for frame in request.stackTrace.frames),
        )
        state = inputs | _marked(outputs_of(request.type, request.name), request.additionalSecretOutputs)
        response = resource_pb2.RegisterResourceResponse(urn=urn, id=request.name if request.custom else "")
        json_format.ParseDict(state, response.object)
        return response

    def ReadResource(self, request: Any) -> Any:
        urn = self.make_urn(request.parent, request.type, request.name)
        self.graph.resources[urn] = Resource(
            urn=urn,
            type=request.type,
            name=request.name,
            custom=True,
            parent=request.parent,
            provider=request.provider,
            inputs={"id": request.id},
            after=frozenset(request.dependencies),
            property_dependencies={},
            secret_outputs=frozenset(request.additionalSecretOutputs),
            deleted_with="",
            read=True,
            call_stack=tuple(frame.pc.uri for frame in request.stackTrace.frames),
        )
        response = resource_pb2.ReadResourceResponse(urn=urn)
        json_format.ParseDict(outputs_of(request.type, request.name), response.properties)
        return response

    def RegisterResourceOutputs(self, request: Any) -> Any:
        if request.urn.split("::")[2] == "pulumi:pulumi:Stack":
            self.graph.outputs = json_format.MessageToDict(request.outputs)
        return super().RegisterResourceOutputs(request)  # type: ignore[no-untyped-call]


class _NoCalls(mocks.Mocks):
    def call(self, args: mocks.MockCallArgs) -> Any:
        raise AssertionError(f"the program called {args.token}; nothing it needs is looked up by a call")

    def new_resource(self, args: mocks.MockResourceArgs) -> Any:
        raise AssertionError("the recorder answers registrations itself")


def outputs_of(resource_type: str, name: str) -> dict[str, Any]:
    """What a provider would add to the inputs of a resource."""

    def text(output: str) -> str:
        return f"{output} of {name}"

    def secret(output: str) -> str:
        return f"{CONFIDENTIAL} {output} of {name}"

    match resource_type.rpartition(":")[2]:
        case "EmbeddedCluster":
            known = {name: text(name) for name in ("identity", "state")}
            return known | {"kubeconfig": secret("kubeconfig"), "server": f"https://127.0.0.1/{name}"}
        case "KindCluster":
            known = {name: text(name) for name in ("nodeImage", "mark", "state")}
            addresses = [f"172.30.{part}.2" for part in range(9)]
            known |= {"kubeconfig": secret("kubeconfig"), "server": f"https://172.30.0.2/{name}"}
            return known | {"gatewayAddresses": addresses}
        case "ClusterIdentity":
            return {name: text(name) for name in ("identity", "state")}
        case "EmbeddedNode":
            return {"state": "running", "pods": "processes"}
        case "IssuedRoot" | "IssuedIntermediate":
            return {output: text(output) for output in ("notAfter", "fingerprint", "state")}
        case "CertManager":
            return {"state": "ready"}
        case "RootCertificateAuthority" | "IntermediateCertificateAuthority" | "CertManagerIntermediate":
            plain = ("certificate", "certificateChain", "notAfter", "fingerprint", "state")
            return {output: text(output) for output in plain} | {"privateKey": secret("privateKey")}
        case "IstiodAddress":
            ports = {port: 20000 + number for number, port in enumerate(NUMBERS[:-1])}
            return ports | {"host": "127.0.0.1", "debugUrl": text("debugUrl"), "webhookUrl": "https://localhost:20004"}
        case "Istiod":
            return {output: text(output) for output in ("debugUrl", "version", "state")}
        case "GatewayAddress":
            # Node ports where it is of type NodePort; others are not read.
            ports = {"15443": 31443, "15012": 31012, "15017": 31017, "80": 30080}
            return {"address": "198.18.0.9", "port": 15443, "ports": ports, "state": "published"}
        case "RemoteClusterReadiness":
            return {"state": "ready"}
        case "KarmadaCertificateAuthority":
            secrets = ("authorityKey", "privateKey", "clientKey", "frontProxyAuthorityKey", "frontProxyKey")
            kinds = ("authority", "client", "frontProxyAuthority", "frontProxy")
            found = {f"{kind}Certificate": text(f"{kind}Certificate") for kind in kinds}
            found |= {output: text(output) for output in ("certificate", "notAfter", "fingerprint", "state")}
            return found | {output: secret(output) for output in secrets}
        case "KarmadaClusters" | "KarmadaServer":
            return {"state": "ready"}
        case "RemoteClusters":
            return {"state": "read"}
        case "Portal":
            return {"url": "https://127.0.0.1:20099", "certificateAuthority": text("authority"), "state": "running"}
        case "Secret" if name.endswith(
            ("/reader-token", "/istiod-token", "/portal-token", "/karmada-token", "/karmada-impersonator-token")
        ):
            return {"data": {"token": _encoded(secret("token")), "ca.crt": _encoded(text("ca.crt"))}}
        case "Namespace" if name.endswith("/karmada-identity"):
            return {"metadata": {"name": "kube-system", "uid": text("uid")}}
        case "Service":
            return {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.7"}]}}}
        case _:
            return {}


def _former(alias: Any) -> str:
    """A former name or type of a resource; the other part is unchanged."""
    return alias.urn or " ".join(part for part in (alias.spec.type, alias.spec.name) if part)


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _marked(outputs: dict[str, Any], secret_outputs: Any) -> dict[str, Any]:
    return {name: SECRET | {"value": value} if name in secret_outputs else value for name, value in outputs.items()}


def record(fleet: Fleet, kubeconfigs: Mapping[str, KubeconfigFile] | None = None) -> Graph:
    """Everything that a run registers for a fleet; existing clusters get a kubeconfig where none is given."""
    files = {
        name: KubeconfigFile(f"{CONFIDENTIAL} kubeconfig of {name}", f"https://{name}.example:6443")
        for name, cluster in fleet.clusters.items()
        if cluster.capabilities.context
    }
    if fleet.federation.karmada and fleet.federation.karmada.kubeconfig:
        files[KARMADA] = KubeconfigFile(f"{CONFIDENTIAL} kubeconfig of Karmada", "https://karmada.example:5443")
    return recorded(fleet.name, lambda: register(fleet, files | dict(kubeconfigs or {})))


def recorded(stack_name: str, program: Callable[[], None], config: Mapping[str, str] | None = None) -> Graph:
    """Everything that `program` registers, on an event loop of its own."""
    monitor = Recorder()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        # What threads without a context see is what is set while nothing is: else that of an engine that has ended.
        settings.SETTINGS.monitor = None
        settings.SETTINGS.engine = None
        settings.configure(
            settings.Settings("meshfleet", stack_name, monitor=monitor, engine=mocks.MockEngine(None), dry_run=False)
        )
        _forget_root()
        pulumi.runtime.set_all_config(dict(config or {}))
        loop.run_until_complete(stack.run_in_stack(program))
    finally:
        _forget_root()
        loop.run_until_complete(loop.shutdown_default_executor())
        asyncio.set_event_loop(None)
        loop.close()
    return monitor.graph


def _forget_root() -> None:
    # Pulumi allows one stack in a process, and has no way to end it.
    settings.set_root_resource(None)  # type: ignore[arg-type]
