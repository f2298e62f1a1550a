"""CustomResourceDefinitions of standards that nothing installs by itself: their schemas without the descriptions.

Sources: config/crd of sigs.k8s.io/mcs-api v0.4.1 (multicluster.x-k8s.io_serviceexports.yaml and
..._serviceimports.yaml) and config/crd/standard of sigs.k8s.io/external-dns v0.19.0, both of the Apache License 2.0
"""

from __future__ import annotations

from typing import Any, Final

from meshfleet.manifests.objects import Object, metadata

MCS_GROUP: Final = "multicluster.x-k8s.io"
MCS_VERSION: Final = f"{MCS_GROUP}/v1alpha1"
DNS_GROUP: Final = "externaldns.k8s.io"
DNS_VERSION: Final = f"{DNS_GROUP}/v1alpha1"

Schema = dict[str, Any]
_TEXT: Schema = {"type": "string"}
_TEXTS: Schema = {"type": "object", "additionalProperties": {"type": "string"}}


def service_export() -> Object:
    """The definition of ServiceExport."""
    schema = _object(
        spec=_object(exportedAnnotations=_TEXTS, exportedLabels=_TEXTS), status=_object(conditions=_CONDITIONS)
    )
    return _definition(MCS_GROUP, "ServiceExport", ("svcex", "svcexport"), schema, [_AGE], _MCS_LABELS)


def service_import() -> Object:
    """The definition of ServiceImport."""
    port = _object(
        appProtocol=_TEXT, name=_TEXT, port={"type": "integer", "format": "int32"}, protocol=_TEXT, required=["port"]
    )
    timeout = _object(clientIP=_object(timeoutSeconds={"type": "integer", "format": "int32"}))
    spec = _object(
        internalTrafficPolicy=_TEXT,
        ipFamilies={"type": "array", "maxItems": 2, "items": _TEXT},
        ips={"type": "array", "maxItems": 2, "items": _TEXT},
        ports={"type": "array", "items": port, "x-kubernetes-list-type": "atomic"},
        sessionAffinity=_TEXT,
        sessionAffinityConfig=timeout,
        trafficDistribution=_TEXT,
        type={"type": "string", "enum": ["ClusterSetIP", "Headless"]},
        required=["ports", "type"],
    )
    clusters = {
        "type": "array",
        "items": _object(cluster=_TEXT, required=["cluster"]),
        "x-kubernetes-list-map-keys": ["cluster"],
        "x-kubernetes-list-type": "map",
    }
    columns = [
        {"name": "Type", "type": "string", "description": "The type of this ServiceImport", "jsonPath": ".spec.type"},
        {"name": "IP", "type": "string", "description": "The VIP for this ServiceImport", "jsonPath": ".spec.ips"},
        _AGE,
    ]
    schema = _object(spec=spec, status=_object(clusters=clusters, conditions=_CONDITIONS))
    return _definition(MCS_GROUP, "ServiceImport", ("svcim", "svcimport"), schema, columns, _MCS_LABELS)


def dns_endpoint() -> Object:
    """The definition of DNSEndpoint."""
    endpoint = _object(
        dnsName=_TEXT,
        labels=_TEXTS,
        providerSpecific={"type": "array", "items": _object(name=_TEXT, value=_TEXT)},
        recordTTL={"type": "integer", "format": "int64"},
        recordType=_TEXT,
        setIdentifier=_TEXT,
        targets={"type": "array", "items": _TEXT},
    )
    schema = _object(
        spec=_object(endpoints={"type": "array", "items": endpoint}),
        status=_object(observedGeneration={"type": "integer", "format": "int64"}),
    )
    # Groups that end with k8s.io need it: https://github.com/kubernetes/enhancements/pull/1111
    approved = {"api-approved.kubernetes.io": "https://github.com/kubernetes-sigs/external-dns/pull/2007"}
    return _definition(DNS_GROUP, "DNSEndpoint", (), schema, [], {}, approved)


def _object(required: list[str] | None = None, **properties: Schema) -> Schema:
    made: Schema = {"type": "object", "properties": properties}
    return made | ({"required": required} if required else {})


_CONDITIONS: Final[Schema] = {
    "type": "array",
    "items": _object(
        lastTransitionTime={"type": "string", "format": "date-time"},
        message={"type": "string", "maxLength": 32768},
        observedGeneration={"type": "integer", "format": "int64", "minimum": 0},
        reason={
            "type": "string",
            "maxLength": 1024,
            "minLength": 1,
            "pattern": "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$",
        },
        status={"type": "string", "enum": ["True", "False", "Unknown"]},
        type={
            "type": "string",
            "maxLength": 316,
            "pattern": r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?"
            r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$",
        },
        required=["lastTransitionTime", "message", "reason", "status", "type"],
    ),
    "x-kubernetes-list-map-keys": ["type"],
    "x-kubernetes-list-type": "map",
}
_AGE: Final[Schema] = {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}
_MCS_LABELS: Final = {f"{MCS_GROUP}/release-version": "v0.4.1", f"{MCS_GROUP}/crd-schema-revision": "0"}


def _definition(
    group: str,
    kind: str,
    short: tuple[str, ...],
    schema: Schema,
    columns: list[Schema],
    labels: dict[str, str],
    annotations: dict[str, str] | None = None,
) -> Object:
    plural = f"{kind.lower()}s"
    properties = {"apiVersion": _TEXT, "kind": _TEXT, "metadata": {"type": "object"}, **schema["properties"]}
    naming: Object = {"plural": plural, "singular": kind.lower(), "kind": kind, "listKind": f"{kind}List"}
    version: Object = {
        "name": "v1alpha1",
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "schema": {"openAPIV3Schema": {"type": "object", "properties": properties}},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": metadata(f"{plural}.{group}", labels=labels, annotations=annotations),
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": naming | ({"shortNames": list(short)} if short else {}),
            "versions": [version | ({"additionalPrinterColumns": columns} if columns else {})],
        },
    }
