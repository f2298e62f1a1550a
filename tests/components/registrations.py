"""Runs the program against a monitor of our own and keeps what was registered: resources, edges, secrets.

Pulumi's `MockResourceArgs` shows neither dependencies nor which values are secret, so the requests themselves are
kept. What a provider would answer is made up here; every text in it that must stay secret contains `CONFIDENTIAL`.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi
from google.protobuf import json_format
from pulumi.runtime import mocks, rpc, settings, stack

from components.kubeconfig_file import KubeconfigFile
from components.program import register
from topology import Fleet

CONFIDENTIAL = "CONFIDENTIAL"
SECRET = {rpc._special_sig_key: rpc._special_secret_sig}
# Outputs of the plugins that are not inputs, by the type of the resource.
NUMBERS = ("httpPort", "monitoringPort", "grpcPort", "secureGrpcPort", "httpsPort", "port")


@dataclass(frozen=True, eq=False)
class Resource:
    """One registration as the engine gets it; edges are URNs.

    `inputs` are plain values in which a secret is a mapping with Pulumi's own mark. `after` are all resources this
    one waits for, by property or explicitly, without its parents.
    """

    urn: str
    type: str
    name: str
    custom: bool
    parent: str
    provider: str
    inputs: Mapping[str, Any]
    after: frozenset[str]
    property_dependencies: Mapping[str, frozenset[str]]
    secret_outputs: frozenset[str]
    deleted_with: str
    read: bool = False

    @property
    def cluster(self) -> str:
        """The part of the logical name before the slash: a cluster, or `mesh <name>`; empty for components."""
        return self.name.partition("/")[0] if "/" in self.name else ""

    @property
    def what(self) -> str:
        """The part of the logical name behind the slash."""
        return self.name.partition("/")[2]


@dataclass
class Graph:
    """Everything one run registered. `outputs` are the stack's exports, secrets marked as in inputs."""

    resources: dict[str, Resource] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def custom(self) -> list[Resource]:
        """Resources that a provider manages, providers themselves left out."""
        return [
            found
            for found in self.resources.values()
            if found.custom and not found.type.startswith("pulumi:providers:")
        ]

    @property
    def providers(self) -> list[Resource]:
        """The explicit providers."""
        return [found for found in self.resources.values() if found.type.startswith("pulumi:providers:")]

    def __getitem__(self, name: str) -> Resource:
        """A custom resource or a provider by its logical name."""
        found = [resource for resource in self.resources.values() if resource.custom and resource.name == name]
        assert len(found) == 1, f"{len(found)} resources are called {name}"
        return found[0]

    def names(self) -> set[str]:
        """The logical names of all custom resources and providers."""
        return {resource.name for resource in self.resources.values() if resource.custom}

    def edges(self) -> set[tuple[Resource, Resource]]:
        """Pairs of a custom resource and another one that it directly waits for; its provider is one of them."""
        found = set()
        for resource in (*self.custom, *self.providers):
            provider = {resource.provider.rpartition("::")[0]} if resource.provider else set()
            for urn in resource.after | provider:
                if (other := self.resources[urn]).custom:
                    found.add((resource.urn, other.urn))
        return {(self.resources[first], self.resources[second]) for first, second in found}

    def waits_for(self, name: str) -> set[str]:
        """The names of all custom resources that must be done before this one starts, directly or not."""
        before: dict[str, set[str]] = {}
        for resource, other in self.edges():
            before.setdefault(resource.name, set()).add(other.name)
        found: set[str] = set()
        waiting = [name]
        while waiting:
            new = before.get(waiting.pop(), set()) - found
            found |= new
            waiting += new
        return found


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
                name: frozenset(dependencies.urns)
                for name, dependencies in request.propertyDependencies.items()
            },
            secret_outputs=frozenset(request.additionalSecretOutputs),
            deleted_with=request.deletedWith,
        )
        state = inputs | _marked(outputs_of(request.type, request.name), request.additionalSecretOutputs)
        response = mocks.resource_pb2.RegisterResourceResponse(urn=urn, id=request.name if request.custom else "")
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
        )
        response = mocks.resource_pb2.ReadResourceResponse(urn=urn)
        json_format.ParseDict(outputs_of(request.type, request.name), response.properties)
        return response

    def RegisterResourceOutputs(self, request: Any) -> Any:
        if request.urn.split("::")[2] == "pulumi:pulumi:Stack":
            self.graph.outputs = json_format.MessageToDict(request.outputs)
        return super().RegisterResourceOutputs(request)


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
        case "RootCertificateAuthority" | "IntermediateCertificateAuthority":
            plain = ("certificate", "certificateChain", "notAfter", "fingerprint", "state")
            return {output: text(output) for output in plain} | {"privateKey": secret("privateKey")}
        case "IstiodAddress":
            ports = {port: 20000 + number for number, port in enumerate(NUMBERS[:-1])}
            return ports | {"host": "127.0.0.1", "debugUrl": text("debugUrl"), "webhookUrl": "https://localhost:20004"}
        case "Istiod":
            return {output: text(output) for output in ("debugUrl", "version", "state")}
        case "EastWestGatewayAddress":
            return {"address": "127.64.0.9", "port": 15443, "state": "published"}
        case "Secret" if name.endswith("/reader-token"):
            return {"data": {"token": _encoded(secret("token")), "ca.crt": _encoded(text("ca.crt"))}}
        case "Service":
            return {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.7"}]}}}
        case _:
            return {}


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _marked(outputs: dict[str, Any], secret_outputs: Any) -> dict[str, Any]:
    return {
        name: SECRET | {"value": value} if name in secret_outputs else value for name, value in outputs.items()
    }


def record(fleet: Fleet, kubeconfigs: Mapping[str, KubeconfigFile] | None = None) -> Graph:
    """Everything that a run registers for a fleet; existing clusters get a kubeconfig where none is given."""
    files = {
        name: KubeconfigFile(f"{CONFIDENTIAL} kubeconfig of {name}", f"https://{name}.example:6443")
        for name, cluster in fleet.clusters.items()
        if cluster.existing
    }
    return recorded(fleet.name, lambda: register(fleet, files | dict(kubeconfigs or {})))


def recorded(stack_name: str, program: Callable[[], None], config: Mapping[str, str] | None = None) -> Graph:
    """Everything that `program` registers, on an event loop of its own."""
    monitor = Recorder()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        settings.configure(
            mocks.MockSettings(
                monitor=monitor, engine=mocks.MockEngine(None), project="meshfleet", stack=stack_name, dry_run=False
            )
        )
        settings.set_root_resource(None)
        pulumi.runtime.set_all_config(dict(config or {}))
        loop.run_until_complete(stack.run_in_stack(program))
    finally:
        settings.set_root_resource(None)
        loop.run_until_complete(loop.shutdown_default_executor())
        asyncio.set_event_loop(None)
        loop.close()
    return monitor.graph
