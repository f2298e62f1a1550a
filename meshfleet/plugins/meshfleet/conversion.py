"""Between the values of the wire and the plain ones that handlers see."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from meshfleet.plugins.meshfleet.handler import UNKNOWN, Properties, Unknown
from meshfleet.plugins.property_value import Computed, PropertyValue


def plain(value: PropertyValue) -> Any:
    """A wire value as a handler sees it: whole numbers as int, what is not known yet as UNKNOWN."""
    content = value.value
    if isinstance(content, Computed):
        return UNKNOWN
    if isinstance(content, float):
        return int(content) if content.is_integer() else content
    if isinstance(content, tuple):
        return [plain(item) for item in content]
    if isinstance(content, Mapping):
        return {name: plain(item) for name, item in content.items()}
    return content


def plain_properties(properties: Mapping[str, PropertyValue]) -> Properties:
    """All properties as a handler sees them; null is the same as absent."""
    return {name: plain(value) for name, value in properties.items() if value.value is not None}


def wired(value: Any) -> PropertyValue:
    """A handler's value for the wire."""
    if isinstance(value, Unknown):
        return PropertyValue.computed()
    if isinstance(value, list | tuple):
        return PropertyValue([wired(item) for item in value])
    if isinstance(value, Mapping):
        return PropertyValue({name: wired(item) for name, item in value.items()})
    return PropertyValue(value)


def checked_properties(
    given: Mapping[str, PropertyValue], checked: Properties, secret: Iterable[str]
) -> dict[str, PropertyValue]:
    """The inputs a handler has checked; those it left alone keep their secrecy, those in `secret` are
    secret.
    """
    secrets = frozenset(secret)
    result = {}
    for name, value in checked.items():
        original = given.get(name)
        kept = original if original is not None and plain(original) == value else wired(value)
        result[name] = kept.with_secret(True) if name in secrets else kept
    return result


def state_properties(
    inputs: Mapping[str, PropertyValue], outputs: Properties, secret: Iterable[str]
) -> dict[str, PropertyValue]:
    """What the engine keeps of a resource: its inputs as they came, and its outputs over them."""
    secrets = frozenset(secret)
    result = {name: value for name, value in inputs.items() if value.value is not None}
    for name, value in outputs.items():
        original = inputs.get(name)
        if original is not None and plain(original) == value:
            continue
        result[name] = wired(value).with_secret(name in secrets)
    return result
