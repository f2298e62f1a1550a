"""A value as it travels between the Pulumi engine and a plugin.

The same shape as `pulumi.provider.experimental.property_value.PropertyValue`, so that a provider can be written
against either, but loaded without the `pulumi` package (see `plugins.proto`) and with unknown values recognised.
Assets, archives and resource references are kept as plain maps: no resource of this project uses them.
Encoding: https://github.com/pulumi/pulumi/blob/master/pkg/codegen/../../docs/architecture/types.md
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf import struct_pb2

SIGNATURE_KEY: Final = "4dabf18193072939515e22adb298388d"
_SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - a signature of the protocol
_OUTPUT: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
# One sentinel for each type the engine does not know yet: bool, number, string, array, asset, archive, object.
_UNKNOWN: Final = frozenset(
    {
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
        "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "030794c1-ac77-496b-92df-f27374a8bd58",
        "e48ece36-62e2-4504-bad9-02848725956a",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
    }
)
_UNKNOWN_STRING: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


@dataclass(frozen=True)
class Computed:
    """The value of a property that will only be known once something has been created."""


@dataclass(frozen=True, init=False)
class PropertyValue:
    """One property: `value` is None, bool, float, str, `Computed`, a tuple or a mapping of PropertyValues.

    `is_secret` says that the engine must encrypt it; `dependencies` are URNs.
    """

    value: Any
    is_secret: bool
    dependencies: frozenset[str]

    def __init__(
        self,
        value: Any,
        is_secret: bool = False,
        dependencies: Iterable[str] | None = None,
    ) -> None:
        if isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        elif isinstance(value, Sequence) and not isinstance(value, str):
            value = tuple(value)
        elif isinstance(value, Mapping):
            value = dict(value)
        elif not (value is None or isinstance(value, bool | float | str | Computed)):
            raise TypeError(f"{type(value).__name__} cannot be a property of a resource")
        object.__setattr__(self, "value", value)
        object.__setattr__(self, "is_secret", is_secret)
        object.__setattr__(self, "dependencies", frozenset(dependencies or ()))

    @staticmethod
    def computed() -> PropertyValue:
        """A value that is not known yet."""
        return PropertyValue(Computed())

    @staticmethod
    def null() -> PropertyValue:
        """The value null."""
        return PropertyValue(None)

    def with_secret(self, is_secret: bool) -> PropertyValue:
        """The same value, secret or not."""
        return PropertyValue(self.value, is_secret, self.dependencies)

    def with_dependencies(self, dependencies: Iterable[str]) -> PropertyValue:
        """The same value with other dependencies."""
        return PropertyValue(self.value, self.is_secret, dependencies)

    def with_value(self, value: Any) -> PropertyValue:
        """Another value with the same secrecy and dependencies."""
        return PropertyValue(value, self.is_secret, self.dependencies)

    def contains_secret(self) -> bool:
        """Whether this value or anything inside it is secret."""
        if self.is_secret:
            return True
        if isinstance(self.value, tuple):
            return any(item.contains_secret() for item in self.value)
        if isinstance(self.value, dict):
            return any(item.contains_secret() for item in self.value.values())
        return False

    def __repr__(self) -> str:
        # A secret must not reach a log through a traceback or an assertion.
        return "PropertyValue(<secret>)" if self.is_secret else f"PropertyValue({self.value!r})"

    def marshal(self) -> struct_pb2.Value:
        """The value on the wire."""
        encoded = struct_pb2.Value()
        target = encoded
        if self.is_secret:
            encoded.struct_value.fields[SIGNATURE_KEY].string_value = _SECRET
            target = encoded.struct_value.fields["value"]
        value = self.value
        if value is None:
            target.null_value = struct_pb2.NULL_VALUE
        elif isinstance(value, Computed):
            target.string_value = _UNKNOWN_STRING
        elif isinstance(value, bool):
            target.bool_value = value
        elif isinstance(value, float):
            target.number_value = value
        elif isinstance(value, str):
            target.string_value = value
        elif isinstance(value, tuple):
            target.list_value.values.extend(item.marshal() for item in value)
        else:
            target.struct_value.SetInParent()
            for key, item in value.items():
                target.struct_value.fields[key].CopyFrom(item.marshal())
        return encoded

    @staticmethod
    def unmarshal(encoded: struct_pb2.Value) -> PropertyValue:
        """The value that arrived on the wire."""
        kind = encoded.WhichOneof("kind")
        if kind is None or kind == "null_value":
            return PropertyValue(None)
        if kind == "string_value":
            text = encoded.string_value
            return PropertyValue(Computed() if text in _UNKNOWN else text)
        if kind == "list_value":
            return PropertyValue([PropertyValue.unmarshal(item) for item in encoded.list_value.values])
        if kind != "struct_value":
            return PropertyValue(getattr(encoded, kind))
        fields = encoded.struct_value.fields
        signature = fields[SIGNATURE_KEY].string_value if SIGNATURE_KEY in fields else ""
        if signature == _SECRET:
            return PropertyValue.unmarshal(fields["value"]).with_secret(True)
        if signature == _OUTPUT:
            known = PropertyValue.unmarshal(fields["value"]) if "value" in fields else PropertyValue.computed()
            secret = "secret" in fields and fields["secret"].bool_value
            urns = (
                [item.string_value for item in fields["dependencies"].list_value.values]
                if "dependencies" in fields
                else []
            )
            return known.with_secret(secret or known.is_secret).with_dependencies(urns)
        return PropertyValue(PropertyValue.unmarshal_map(encoded.struct_value))

    @staticmethod
    def unmarshal_map(encoded: struct_pb2.Struct) -> dict[str, PropertyValue]:
        """All properties of a message."""
        return {key: PropertyValue.unmarshal(item) for key, item in encoded.fields.items()}

    @staticmethod
    def marshal_map(properties: Mapping[str, PropertyValue]) -> struct_pb2.Struct:
        """All properties of a message, on the wire."""
        encoded = struct_pb2.Struct()
        for key, item in properties.items():
            encoded.fields[key].CopyFrom(item.marshal())
        return encoded
