"""What an istiod would send a proxy about the endpoints of a Service: their localities in the order of preference.

Speaks the little of xDS that this takes, so that no proxy and no generated code is needed.
Source: https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol
"""

from __future__ import annotations

import queue
from functools import cache
from typing import Any

import grpc
from google.protobuf import any_pb2, message_factory, struct_pb2
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool

_METHOD = "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources"
_ASSIGNMENT = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"
# Message to its fields: name, number, type, and whether there are many. Those of Envoy that are used here.
_MESSAGES = {
    "Locality": [("region", 1, "string", False)],
    "Node": [
        ("id", 1, "string", False),
        ("metadata", 3, ".google.protobuf.Struct", False),
        ("locality", 4, ".probe.Locality", False),
    ],
    "Request": [
        ("node", 2, ".probe.Node", False),
        ("resource_names", 3, "string", True),
        ("type_url", 4, "string", False),
    ],
    "Response": [("resources", 2, ".google.protobuf.Any", True)],
    "Endpoints": [("locality", 1, ".probe.Locality", False), ("priority", 5, "uint32", False)],
    "Assignment": [("endpoints", 2, ".probe.Endpoints", True)],
}


def endpoint_order(port: int, region: str, host: str, service_port: int) -> dict[str, int]:
    """Region of the endpoints to their priority, 0 the first, for a proxy in `region`; asked at istiod's gRPC port."""
    request = _message("Request")(type_url=_ASSIGNMENT, resource_names=[f"outbound|{service_port}||{host}"])
    request.node.id = "sidecar~127.0.0.1~probe.sample~sample.svc.cluster.local"
    metadata = struct_pb2.Struct()
    metadata.update({"NAMESPACE": "sample"})
    request.node.metadata.MergeFromString(metadata.SerializeToString())
    request.node.locality.region = region
    requests: queue.Queue[Any] = queue.Queue()
    requests.put(request)
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stream = channel.stream_stream(
            _METHOD,
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=_message("Response").FromString,
        )(iter(requests.get, None), timeout=20)
        (resource,) = next(stream).resources
        requests.put(None)
        stream.cancel()
    assignment = _message("Assignment").FromString(resource.value)
    return {endpoints.locality.region: endpoints.priority for endpoints in assignment.endpoints}


def _message(name: str) -> Any:
    return message_factory.GetMessageClass(_pool().FindMessageTypeByName(f"probe.{name}"))


@cache
def _pool() -> DescriptorPool:
    pool = DescriptorPool()
    for known in (struct_pb2, any_pb2):
        pool.AddSerializedFile(known.DESCRIPTOR.serialized_pb)
    pool.Add(_file())
    return pool


def _file() -> FileDescriptorProto:
    dependencies = ["google/protobuf/struct.proto", "google/protobuf/any.proto"]
    file = FileDescriptorProto(name="probe.proto", package="probe", syntax="proto3", dependency=dependencies)
    simple = {"string": FieldDescriptorProto.TYPE_STRING, "uint32": FieldDescriptorProto.TYPE_UINT32}
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, number, kind, many in fields:
            label = FieldDescriptorProto.LABEL_REPEATED if many else FieldDescriptorProto.LABEL_OPTIONAL
            made = message.field.add(name=field, number=number, label=label)
            made.type = simple.get(kind, FieldDescriptorProto.TYPE_MESSAGE)
            if kind not in simple:
                made.type_name = kind
    return file
