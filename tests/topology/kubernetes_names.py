"""What an API server takes for names, labels and annotations: the rules of k8s.io/apimachinery, written once more.

Sources: pkg/util/validation/validation.go, pkg/api/validation/objectmeta.go (TotalAnnotationSizeLimitB) and
pkg/apis/meta/v1/validation/validation.go of k8s.io/apimachinery, pkg/chartutil/validate_name.go of helm.sh/helm.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

RFC1123_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?\Z")
RFC1035_LABEL = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?\Z")
RFC1123_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\Z")
QUALIFIED = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]\Z")
PORT_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?\Z")
PORT_KEYS = ("port", "targetPort", "number", "containerPort")
ANNOTATIONS_SIZE = 256 * 1024
OBJECT_SIZE = 1536 * 1024
# A segment of a path (pkg/api/validation/path of k8s.io/apimachinery), as pkg/apis/rbac/validation has it.
SEGMENT = re.compile(r"(?!\.\.?\Z)[^/%]+\Z")
RIGHTS_KINDS = {"ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"}
LABEL_KINDS = {"Namespace": RFC1123_LABEL, "Service": RFC1035_LABEL}


def object_faults(body: Mapping[str, Any]) -> Iterator[str]:
    """What an API server would refuse of an object."""
    yield from text_faults(body, "")
    metadata, kind = body["metadata"], body["kind"]
    name, rule = metadata["name"], LABEL_KINDS.get(kind, SEGMENT if kind in RIGHTS_KINDS else RFC1123_SUBDOMAIN)
    if len(name) > (63 if kind in LABEL_KINDS else 253) or not rule.match(name):
        yield f"{kind} {name!r}: no name"
    namespace = metadata.get("namespace", "x")
    if len(namespace) > 63 or not RFC1123_LABEL.match(namespace):
        yield f"{kind} {name!r}: no namespace {namespace!r}"
    for labels in every(body, ("labels", "matchLabels", "selector")):
        yield from label_faults(labels)
    for found in every(body, ("annotations",)):
        yield from annotation_faults(found)
    yield from port_faults(body)


def release_faults(name: str, values: Mapping[str, Any]) -> Iterator[str]:
    """What Helm, or an API server that it hands a value to, would refuse."""
    yield from text_faults(values, "values")
    if len(name) > 53 or not RFC1123_SUBDOMAIN.match(name):
        yield f"release {name!r}: no name"
    for labels in every(values, ("labels",)):
        yield from label_faults(labels)
    for found in every(values, ("annotations", "serviceAnnotations")):
        yield from annotation_faults(found)
    yield from port_faults(values)


def label_faults(labels: Mapping[str, Any]) -> Iterator[str]:
    """Of keys and values of labels."""
    for key, value in labels.items():
        if isinstance(value, Mapping):
            continue
        yield from key_faults(key)
        if not isinstance(value, str) or len(value) > 63 or (value and not QUALIFIED.match(value)):
            yield f"label {key!r}: no value {value!r}"


def annotation_faults(annotations: Mapping[str, Any]) -> Iterator[str]:
    """Of keys of annotations, whose values may be any texts, and of the size of all."""
    for key, value in annotations.items():
        yield from key_faults(key.lower())
        if not isinstance(value, str):
            yield f"annotation {key!r}: no text {value!r}"
    if sum(len(key.encode()) + len(str(value).encode()) for key, value in annotations.items()) > ANNOTATIONS_SIZE:
        yield "annotations too large"


def key_faults(key: str) -> Iterator[str]:
    """Of a qualified name."""
    prefix, slash, name = key.rpartition("/")
    if len(name) > 63 or not QUALIFIED.match(name):
        yield f"key {key!r}: no name"
    if slash and (len(prefix) > 253 or not RFC1123_SUBDOMAIN.match(prefix)):
        yield f"key {key!r}: no prefix"


def port_faults(body: object) -> Iterator[str]:
    """Of numbers and names of ports, wherever they are."""
    for mapping in mappings(body):
        for key in PORT_KEYS:
            if isinstance(value := mapping.get(key), int) and not isinstance(value, bool) and not 0 < value < 65536:
                yield f"{key}: no port {value!r}"
        name = mapping.get("name") if "port" in mapping else None
        if isinstance(name, str) and (len(name) > 63 or not PORT_NAME.match(name)):
            yield f"port name {name!r}"


def text_faults(value: object, path: str) -> Iterator[str]:
    """Whatever JSON in UTF-8 does not hold, and what is too large for etcd."""
    try:
        if len(json.dumps(value, ensure_ascii=False, allow_nan=False).encode()) > OBJECT_SIZE:
            yield f"{path}: too large"
    except (ValueError, UnicodeEncodeError) as error:
        yield f"{path}: {error}"
    for mapping in mappings(value):
        for key, text in mapping.items():
            if isinstance(text, str) and not text.replace("\n", "").replace("\t", "").isprintable():
                yield f"{path}.{key}: control characters in {text!r}"


def every(body: object, keys: tuple[str, ...]) -> Iterator[Mapping[str, Any]]:
    """The mappings under these keys, wherever they are."""
    for mapping in mappings(body):
        for key in keys:
            if isinstance(found := mapping.get(key), Mapping):
                yield found


def mappings(value: object) -> Iterator[Mapping[str, Any]]:
    """Every mapping in a value, itself first."""
    waiting = [value]
    while waiting:
        found = waiting.pop()
        # Most of them; whether one is a mapping takes longer to find out.
        if isinstance(found, str):
            continue
        if isinstance(found, Mapping):
            yield found
            waiting += found.values()
        elif isinstance(found, list | tuple):
            waiting += found
