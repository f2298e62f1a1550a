"""The base of every part of the status: camelCase keys, unknown keys refused when it is written, values frozen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
)
from pydantic.alias_generators import to_camel

PENDING: Final = "pending"
"""The key of the validation context that holds the types of values that are not known yet."""


class StatusModel(BaseModel):
    """A part of the status, immutable. The text below a field describes it in the JSON schema."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        frozen=True,
        strict=True,
        validate_default=False,
    )

    @field_validator("*", mode="wrap")
    @classmethod
    def _pending_as_it_is(cls, value: Any, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
        """A value that a run still has to find out is checked when the document is read."""
        if info.context and isinstance(value, info.context.get(PENDING, ())):
            return value
        return handler(value)

    def document(self) -> dict[str, Any]:
        """The same as plain data under the keys of the JSON, in the order of the fields; fields never set are left out.

        Values that are not known yet stay what they are.
        """
        fields = type(self).model_fields
        return {
            str(field.alias): _plain(getattr(self, name))
            for name, field in fields.items()
            if name in self.model_fields_set
        }


def _plain(value: Any) -> Any:
    if isinstance(value, StatusModel):
        return value.document()
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, tuple | list) else value


def _whole(value: object) -> object:
    # The engine hands every number back as a double.
    return int(value) if isinstance(value, float) and value.is_integer() else value


Item = TypeVar("Item")
Items = Annotated[tuple[Item, ...], Field(strict=False)]
"""A list of the JSON."""
Whole = Annotated[int, BeforeValidator(_whole)]
Port = Annotated[int, BeforeValidator(_whole), Field(ge=0, le=65535)]
Name = Annotated[str, Field(min_length=1)]
Moment = str
"""A time as RFC 3339 has it, in UTC: 2028-11-22T04:51:12Z."""
