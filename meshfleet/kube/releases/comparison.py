"""Whether a live object is what its chart rendered, and what it would be if it were. Pure.

Every field that the chart sets has to be as rendered; what it leaves open is the server's, and a few fields belong
to controllers. Lists are compared whole: by the names of their items where they have some, else one by one.
"""

from __future__ import annotations

import base64
import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from meshfleet.kube.releases.record import JsonObject

_WEBHOOKS: Final = frozenset({"MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"})
# What controllers write over what a chart sets: istiod and others the authority that signs for a webhook, and istiod
# that invalid objects are refused, once it can tell (pkg/webhooks/validation/controller of istio/istio).
_CONTROLLED: Final = (
    (_WEBHOOKS, re.compile(r"webhooks\[[^]]*\]\.clientConfig\.caBundle")),
    (frozenset({"ValidatingWebhookConfiguration"}), re.compile(r"webhooks\[[^]]*\]\.failurePolicy")),
    (frozenset({"CustomResourceDefinition"}), re.compile(r"spec\.conversion\.webhook\.clientConfig\.caBundle")),
    (frozenset({"APIService"}), re.compile(r"spec\.caBundle")),
)
_NOT_COMPARED: Final = frozenset({"apiVersion", "kind", "status"})
_METADATA: Final = ("labels", "annotations")
_QUANTITY: Final = re.compile(r"^([+-]?[0-9]*\.?[0-9]+)([eE][+-]?[0-9]+|[numkMGTPE]|[KMGTPE]i)?$")
_UNITS: Final = {
    "": Decimal(1),
    **{unit: Decimal(10) ** power for unit, power in zip("numkMGTPE", (-9, -6, -3, 3, 6, 9, 12, 15, 18), strict=True)},
    **{f"{unit}i": Decimal(1024) ** power for power, unit in enumerate("KMGTPE", start=1)},
}
_QUANTITIES: Final = re.compile(
    r"\.(requests|limits|capacity|hard|default|defaultRequest|max|min)\.|[a-z](Value|Limit)$"
)


def differences(rendered: JsonObject, live: JsonObject, *, scaled: bool = False) -> list[str]:
    """The fields in which `live` is not as `rendered`, as paths; `scaled` when an autoscaler sets the replicas."""
    wanted = _comparable(rendered)
    return [path for path in _differences(wanted, live, "") if not _is_controlled(rendered, path, scaled=scaled)]


def restored(rendered: JsonObject, live: JsonObject, *, scaled: bool = False) -> JsonObject:
    """`live` with every field as rendered, except for those that belong to controllers."""

    def restore(wanted: Any, present: Any, path: str) -> Any:
        if path and _is_controlled(rendered, path, scaled=scaled) and present is not None:
            return present
        if isinstance(wanted, dict):
            merged = dict(present) if isinstance(present, dict) else {}
            for key, value in wanted.items():
                if value is not None and (key in merged or value not in ([], {})):
                    merged[key] = restore(value, merged.get(key), _inside(path, key))
            return merged
        if isinstance(wanted, list):
            before = present if isinstance(present, list) else []
            return [restore(item, match, inner) for item, match, inner in _matched(wanted, before, path)]
        return present if _equal(wanted, present, path) else wanted

    result: JsonObject = restore(_comparable(rendered), copy.deepcopy(live), "")
    return result


def _comparable(rendered: JsonObject) -> JsonObject:
    """What a chart can be said to set: no status, and of the metadata labels and annotations."""
    wanted = {key: value for key, value in rendered.items() if key not in _NOT_COMPARED}
    metadata = rendered.get("metadata") or {}
    wanted["metadata"] = {key: metadata[key] for key in _METADATA if isinstance(metadata.get(key), dict)}
    text = wanted.pop("stringData", None)
    if isinstance(text, dict):
        encoded = {key: base64.b64encode(str(value).encode()).decode() for key, value in text.items()}
        wanted["data"] = {**(wanted.get("data") or {}), **encoded}
    if rendered.get("kind") == "Secret" and isinstance(wanted.get("data"), dict):
        # A chart may break its lines, which no server returns.
        wanted["data"] = {key: "".join(str(value).split()) for key, value in wanted["data"].items()}
    if rendered.get("kind") == "ClusterRole" and rendered.get("aggregationRule"):
        wanted.pop("rules", None)
    return wanted


def _differences(wanted: Any, present: Any, path: str) -> Iterator[str]:
    if isinstance(wanted, dict):
        if present is None:
            if not _is_empty(wanted):
                yield path
        elif isinstance(present, Mapping):
            for key, value in wanted.items():
                yield from _differences(value, present.get(key), _inside(path, key))
        else:
            yield path
    elif isinstance(wanted, list):
        before = [] if present is None else present
        if not isinstance(before, list) or len(before) != len(wanted):
            yield path
            return
        for item, match, inner in _matched(wanted, before, path):
            yield from _differences(item, match, inner)
    elif not _equal(wanted, present, path):
        yield path


def _matched(wanted: Sequence[Any], present: Sequence[Any], path: str) -> Iterator[tuple[Any, Any, str]]:
    """Each wanted item with the present one that it stands for, None when there is none, and its path."""
    names = _names(wanted)
    others = _names(present)
    if names is not None and others is not None:
        for name, item in names.items():
            yield item, others.get(name), f"{path}[{name}]"
        return
    for number, item in enumerate(wanted):
        yield item, present[number] if number < len(present) else None, f"{path}[{number}]"


def _names(items: Sequence[Any]) -> dict[str, Any] | None:
    """The items by their names, None where not each has one of its own."""
    found = {item["name"]: item for item in items if isinstance(item, Mapping) and isinstance(item.get("name"), str)}
    return found if len(found) == len(items) else None


def _equal(wanted: Any, present: Any, path: str) -> bool:
    if wanted == present and isinstance(wanted, bool) == isinstance(present, bool):
        return True
    if wanted is None:
        # Nothing was said of it.
        return True
    if present is None:
        # The server leaves out what is empty; an entry of a map with an empty text is not.
        return not wanted and not re.match(r"(data|metadata)\.", path)
    if _QUANTITIES.search(path):
        quantities = _quantity(wanted), _quantity(present)
        return None not in quantities and quantities[0] == quantities[1]
    return False


def _quantity(value: Any) -> Decimal | None:
    """The amount of a quantity (https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/)."""
    match = _QUANTITY.match(str(value)) if isinstance(value, str | int | float) else None
    if match is None:
        return None
    number, unit = match.group(1), match.group(2) or ""
    if unit[:1] in ("e", "E") and len(unit) > 1:
        return Decimal(f"{number}{unit}")
    return Decimal(number) * _UNITS[unit]


def _is_empty(value: Any) -> bool:
    """Whether nothing is left of it when the server leaves out what is empty."""
    if isinstance(value, dict):
        return all(_is_empty(item) for item in value.values())
    return not value


def _is_controlled(rendered: JsonObject, path: str, *, scaled: bool) -> bool:
    if scaled and path == "spec.replicas":
        return True
    kind = rendered.get("kind")
    return any(kind in kinds and pattern.fullmatch(path) for kinds, pattern in _CONTROLLED)


def _inside(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
