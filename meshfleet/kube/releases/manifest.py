"""The objects that a chart rendered, read from the text in its record. Pure, and bounded in size.

Helm reads YAML 1.1 as sigs.k8s.io/yaml does, so dates and `1:30` are texts here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from meshfleet.errors import ReleaseError
from meshfleet.kube.releases.record import JsonObject, Record, split

# Istio's largest chart has about 40 objects and 1.2 MB of definitions.
OBJECT_LIMIT: Final = 5000
_TEXT_LIMIT: Final = 32 * 1024 * 1024
_VALUE_LIMIT: Final = 5_000_000
# https://kubernetes.io/docs/concepts/workloads/controllers/ttlafterfinished/
_TTL: Final = "ttlSecondsAfterFinished"

_BOOLEAN: Final = r"yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF"
_RESOLVERS: Final = (
    ("bool", rf"^(?:{_BOOLEAN})$", "yYnNtTfFoO"),
    ("int", r"^[-+]?(?:0b[01_]+|0[0-7_]+|0o[0-7]+|0x[0-9a-fA-F_]+|0|[1-9][0-9_]*)$", "-+0123456789"),
    (
        "float",
        r"^[-+]?(?:[0-9]+\.[0-9]*(?:[eE][-+]?[0-9]+)?|\.[0-9]+(?:[eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+)$",
        None,
    ),
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("merge", r"^(?:<<)$", "<"),
)


@dataclass(frozen=True)
class Part:
    """One object of a release. `namespace` is the release's own where the object names none."""

    api_version: str
    kind: str
    namespace: str
    name: str
    body: JsonObject = field(repr=False)
    templated: bool = True

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


def parts_of(record: Record) -> list[Part]:
    """Every object of a release in the order Helm applies them. Raises ReleaseError for what cannot be read.

    Jobs that the cluster removes once they have ended are left out: those are to be gone.
    """
    namespace = str(record.content["namespace"])
    name = f"{namespace}/{record.content['name']}"
    found = [
        *_parts((text for file in record.definitions() for text in split(file)), namespace, name, templated=False),
        *_parts(split(record.manifest), namespace, name, templated=True),
    ]
    if len(found) > OBJECT_LIMIT:
        raise ReleaseError(f"release {name}: has more than {OBJECT_LIMIT} objects, which are not compared")
    return found


def _parts(texts: Iterable[str], namespace: str, release: str, *, templated: bool) -> Iterator[Part]:
    for text in texts:
        for body in _load(text, release):
            metadata = body.get("metadata")
            if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str) or _ends(body):
                continue
            inside = metadata.get("namespace")
            yield Part(
                str(body.get("apiVersion")),
                str(body.get("kind")),
                inside if isinstance(inside, str) and inside else namespace,
                metadata["name"],
                body,
                templated,
            )


def _ends(body: JsonObject) -> bool:
    spec = body.get("spec")
    return body.get("kind") == "Job" and isinstance(spec, dict) and spec.get(_TTL) is not None


def _load(text: str, release: str) -> list[JsonObject]:
    import yaml  # part of Pulumi's own requirements; ruamel.yaml takes seconds over Istio's definitions

    if not text.strip():
        return []
    if len(text) > _TEXT_LIMIT:
        raise ReleaseError(f"release {release}: its manifest is longer than {_TEXT_LIMIT} characters")
    try:
        loaded = [_plain(document) for document in yaml.load_all(text, Loader=_loader())]
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        # The parser's own words may repeat a line, and with it a secret.
        raise ReleaseError(
            f"release {release}: its manifest cannot be read ({type(error).__name__}); upgrade the release"
        ) from None
    listed = [
        item
        for document in loaded
        if isinstance(document, dict)
        for item in (
            document["items"] if str(document.get("kind")).endswith("List") and document.get("items") else [document]
        )
    ]
    return [item for item in listed if isinstance(item, dict)]


def _loader() -> Any:
    """A safe loader whose plain scalars mean what they do to Kubernetes."""
    import yaml

    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    loader: Any = type("_KubernetesLoader", (base,), {"yaml_implicit_resolvers": {}})
    for tag, pattern, first in _RESOLVERS:
        loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(pattern), first and list(first))
    loader.add_constructor("tag:yaml.org,2002:float", lambda self, node: float(node.value))
    loader.add_constructor("tag:yaml.org,2002:int", _integer)
    return loader


def _integer(loader: Any, node: Any) -> int:
    text = node.value.replace("_", "")
    digits = text.lstrip("+-")
    octal = len(digits) > 1 and digits.startswith("0") and digits.isdecimal()
    value = int(digits, 8 if octal else 0)
    return -value if text.startswith("-") else value


def _plain(document: Any) -> Any:
    """As JSON has it, aliases written out. Raises ValueError for what they expand to beyond the limit."""
    count = 0

    def copy(value: Any) -> Any:
        nonlocal count
        count += 1
        if count > _VALUE_LIMIT:
            raise ValueError
        if isinstance(value, dict):
            return {str(key): copy(item) for key, item in value.items()}
        return [copy(item) for item in value] if isinstance(value, list) else value

    return copy(document)
