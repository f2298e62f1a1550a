"""JSON schemas, draft 2020-12, from models.

Source: https://json-schema.org/draft/2020-12
"""

from __future__ import annotations

from typing import Any, Final

from pydantic.json_schema import GenerateJsonSchema

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


class Untitled(GenerateJsonSchema):
    """Leaves out the titles of fields, which only repeat their keys."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        """No field has one."""
        return False
