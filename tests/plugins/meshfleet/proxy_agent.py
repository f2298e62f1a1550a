"""What the agent in a proxy asks of its istiod to hear of the roots it is to trust: a stream of ProxyConfig.

The messages are the few fields that are needed of Envoy's discovery protocol and of Istio's ProxyConfig, under the
numbers they have there. Source: pkg/istio-agent/xds_proxy.go and pilot/pkg/xds/pcds.go of istio/istio
"""

from __future__ import annotations

import queue
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, message_factory, struct_pb2

PROXY_CONFIG = "type.googleapis.com/istio.mesh.v1alpha1.ProxyConfig"
METHOD = "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources"
_TEXT, _MESSAGE = 9, 11
_FIELDS: dict[str, tuple[tuple[str, int, int, str, bool], ...]] = {
    "Node": (("id", 1, _TEXT, "", False), ("metadata", 3, _MESSAGE, ".google.protobuf.Struct", False)),
    "DiscoveryRequest": (
        ("version_info", 1, _TEXT, "", False),
        ("node", 2, _MESSAGE, ".needed.Node", False),
        ("type_url", 4, _TEXT, "", False),
        ("response_nonce", 5, _TEXT, "", False),
    ),
    "DiscoveryResponse": (
        ("version_info", 1, _TEXT, "", False),
        ("resources", 2, _MESSAGE, ".google.protobuf.Any", True),
        ("nonce", 5, _TEXT, "", False),
    ),
    "ProxyConfig": (("ca_certificates_pem", 34, _TEXT, "", True),),
}


def _messages() -> dict[str, Any]:
    file = descriptor_pb2.FileDescriptorProto(name="needed.proto", package="needed", syntax="proto3")
    file.dependency.extend([struct_pb2.DESCRIPTOR.name, any_pb2.DESCRIPTOR.name])
    for name, fields in _FIELDS.items():
        message = file.message_type.add(name=name)
        for field, number, kind, type_name, repeated in fields:
            message.field.add(
                name=field,
                number=number,
                type=kind,
                type_name=type_name or None,
                label=3 if repeated else 1,
            )
    pool = descriptor_pool.DescriptorPool()
    for known in (struct_pb2.DESCRIPTOR, any_pb2.DESCRIPTOR):
        pool.AddSerializedFile(known.serialized_pb)
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"needed.{name}")) for name in _FIELDS}


MESSAGES = _messages()


@dataclass
class ProxyAgent:
    """An open stream; what it hears is acknowledged as an agent does."""

    requests: queue.Queue[Any]
    responses: Any
    roots: list[str] | None = None

    def next_roots(self) -> list[str]:
        """Wait for the next bundle that is another than the last; PEM texts.

        istiod repeats a bundle with whatever else it tells everybody, and an agent does nothing about that
        (UpdateConfigTrustBundle in security/pkg/nodeagent/cache/secretcache.go). Raises grpc.RpcError when the
        stream has ended.
        """
        before = self.roots
        while self.roots == before:
            response = next(self.responses)
            self.requests.put(_request(version_info=response.version_info, response_nonce=response.nonce))
            config = MESSAGES["ProxyConfig"]()
            config.ParseFromString(response.resources[0].value)
            self.roots = list(config.ca_certificates_pem)
        return list(self.roots or ())


@contextmanager
def proxy_agent(port: int, seconds: float) -> Iterator[ProxyAgent]:
    """An agent of a sidecar at the istiod whose plain gRPC port this is; its stream lasts so many seconds at most."""
    requests: queue.Queue[Any] = queue.Queue()
    first = _request()
    first.node.id = "sidecar~10.0.0.9~visitor.sample~sample.svc.cluster.local"
    first.node.metadata.update({"NAMESPACE": "sample", "CLUSTER_ID": "west"})
    requests.put(first)
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stream = channel.stream_stream(
            METHOD,
            request_serializer=lambda request: request.SerializeToString(),
            response_deserializer=MESSAGES["DiscoveryResponse"].FromString,
        )
        responses = stream(iter(requests.get, None), timeout=seconds)
        try:
            yield ProxyAgent(requests, responses)
        finally:
            requests.put(None)
            responses.cancel()


def _request(**fields: str) -> Any:
    return MESSAGES["DiscoveryRequest"](type_url=PROXY_CONFIG, **fields)
