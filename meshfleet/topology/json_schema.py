"""How models that pydantic cannot describe by itself say in JSON schema, draft 2020-12, what may be written.

Source: https://json-schema.org/draft/2020-12 and, for the hooks, https://docs.pydantic.dev/latest/concepts/json_schema/
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel, GetJsonSchemaHandler, WithJsonSchema
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import CoreSchema
from pydantic_core.core_schema import ModelSchema

from meshfleet.topology.descriptions import descriptions

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
NULL: Final[JsonSchemaValue] = {"type": "null"}


class Described(GenerateJsonSchema):
    """Says what each field is, without titles, which only repeat the keys, and defaults of null, which are no value."""

    def model_schema(self, schema: ModelSchema) -> JsonSchemaValue:
        """The schema of a model with the descriptions of its fields."""
        found = super().model_schema(schema)
        model: type[BaseModel] = schema["cls"]
        keys = {model.model_fields[name].alias or name: text for name, text in descriptions(model).items()}
        for key, field in found.get("properties", {}).items():
            found["properties"][key] = field | ({"description": keys[key]} if key in keys else {})
        return found

    def field_title_should_be_set(self, schema: Any) -> bool:
        """No field has one."""
        return False

    def default_schema(self, schema: Any) -> JsonSchemaValue:
        """The schema of a field with its default, where that is a value that could be written."""
        found = super().default_schema(schema)
        return {key: value for key, value in found.items() if key != "default" or value is not None}

    def dict_schema(self, schema: Any) -> JsonSchemaValue:
        """The schema of a mapping, whose keys all have the form that keys have."""
        found = super().dict_schema(schema)
        return found | ({"additionalProperties": False} if "patternProperties" in found else {})


def text(form: re.Pattern[str] | str = "", longest: int | None = None) -> WithJsonSchema:
    """Describe a string that matches `form` as a whole, of at most `longest` characters."""
    return WithJsonSchema(text_schema(form, longest))


def text_schema(form: re.Pattern[str] | str = "", longest: int | None = None) -> JsonSchemaValue:
    """The schema of such a string."""
    pattern = form if isinstance(form, str) else form.pattern
    schema: JsonSchemaValue = {"type": "string"}
    if pattern:
        schema["pattern"] = f"^(?:{pattern})$"
    return schema | ({"maxLength": longest} if longest else {})


def one_key(key: str, value: JsonSchemaValue) -> JsonSchemaValue:
    """The schema of a mapping of exactly that key."""
    return {"type": "object", "properties": {key: value}, "required": [key], "additionalProperties": False}


def exactly_one(*keys: str) -> JsonSchemaValue:
    """What a schema of a model needs so that exactly one of these keys is given; null gives none."""
    return {"oneOf": [{"required": [key], "properties": {key: {"not": NULL}}} for key in keys]}


def or_null(schema: JsonSchemaValue) -> JsonSchemaValue:
    """The schema of the same or null: what YAML reads where nothing follows a key."""
    return {"anyOf": [schema, NULL]}


@dataclass(frozen=True)
class NotNull:
    """In `Annotated[... | None, NotNull()]`: a field that may be left out, and is never null."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """The same schema without null."""
        schema = handler(core)
        kept = [part for part in schema.get("anyOf", []) if part != NULL]
        if not kept:
            return schema
        rest = {key: value for key, value in schema.items() if key != "anyOf"}
        return rest | (kept[0] if len(kept) == 1 else {"anyOf": kept})
