"""Plain Python values in and out of the wire, and the secrecy that must not get lost on the way.

Inside this plugin a Kubernetes object is a `dict` as the API server's JSON has it: whole numbers are `int` although
the wire has only doubles, and what is not known yet in a preview is `UNKNOWN`. Secrecy is not carried along; it is
put back on the way out from the inputs (`secure`) and by kind (data of a Secret).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from meshfleet.plugins.property_value import Computed, PropertyValue

JsonObject = dict[str, Any]


class Unknown:
    """The type of `UNKNOWN`: a value that is only known after something has been created."""

    def __repr__(self) -> str:
        return "UNKNOWN"

    def __deepcopy__(self, memo: Any) -> Unknown:
        return self


UNKNOWN: Final = Unknown()

# Names that no language can have as a property: Pulumi's SDKs spell `x-kubernetes-list-type` with underscores.
_UNDERSCORED = re.compile(r"^x_kubernetes_[a-z_]+$")
_DASHED = re.compile(r"^x-kubernetes-[a-z-]+$")


def plain(value: PropertyValue) -> Any:
    """A wire value as plain Python; secrecy is dropped, unknown values become `UNKNOWN`."""
    inner = value.value
    if isinstance(inner, Computed):
        return UNKNOWN
    if isinstance(inner, float):
        return int(inner) if inner.is_integer() else inner
    if isinstance(inner, tuple):
        return [plain(item) for item in inner]
    if isinstance(inner, dict):
        return {_dashed(key): plain(item) for key, item in inner.items()}
    return inner


def plain_object(properties: Mapping[str, PropertyValue]) -> JsonObject:
    """All properties of a request as plain Python."""
    return {_dashed(key): plain(value) for key, value in properties.items()}


def wire(value: Any) -> PropertyValue:
    """A plain value on its way out, nothing of it secret."""
    if isinstance(value, Unknown):
        return PropertyValue.computed()
    if isinstance(value, Mapping):
        return PropertyValue({_underscored(key): wire(item) for key, item in value.items()})
    if isinstance(value, list | tuple):
        return PropertyValue([wire(item) for item in value])
    return PropertyValue(value)


def wire_object(value: Mapping[str, Any]) -> dict[str, PropertyValue]:
    """All properties of an answer, nothing of them secret."""
    return {_underscored(key): wire(item) for key, item in value.items()}


def secure(outputs: dict[str, PropertyValue], inputs: Mapping[str, PropertyValue]) -> dict[str, PropertyValue]:
    """`outputs` with everything secret that was secret in `inputs`, and the contents of any Secret.

    Where an input has a secret somewhere inside and the output cannot be matched with it part by part (a list, a
    text made of it), the whole output is secret.
    """
    if "kind" in outputs and outputs["kind"].value == "Secret":
        outputs = {
            key: value.with_secret(True) if key in ("data", "stringData") else value for key, value in outputs.items()
        }
    return {key: _secure_value(value, inputs[key]) if key in inputs else value for key, value in outputs.items()}


def _secure_value(output: PropertyValue, source: PropertyValue) -> PropertyValue:
    if source.is_secret:
        return output.with_secret(True)
    if not source.contains_secret() or output.is_secret:
        return output
    if isinstance(output.value, dict) and isinstance(source.value, dict):
        return output.with_value(secure(output.value, source.value))
    return output.with_secret(True)


def contains_unknown(value: Any) -> bool:
    """Whether anything inside is not known yet."""
    if isinstance(value, Mapping):
        return any(contains_unknown(item) for item in value.values())
    if isinstance(value, list | tuple):
        return any(contains_unknown(item) for item in value)
    return isinstance(value, Unknown)


def at(value: Any, *path: str) -> Any:
    """What an object has at a path, None where the path ends early: `at(service, "spec", "type")`."""
    for key in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value


def _dashed(key: str) -> str:
    return key.replace("_", "-") if _UNDERSCORED.match(key) else key


def _underscored(key: str) -> str:
    return key.replace("-", "_") if _DASHED.match(key) else key
