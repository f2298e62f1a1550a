"""What objects of a kind refer to, where Kubernetes itself does not say it: declared rules.

Source: https://karmada.io/docs/userguide/globalview/customizing-resource-interpreter/#dependencyinterpretation
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from meshfleet.redaction.shown import shown
from meshfleet.topology.additions import Pointer
from meshfleet.topology.json_schema import text
from meshfleet.topology.model import Model
from meshfleet.topology.propagation.kinds import API_VERSION, KIND
from meshfleet.topology.service_scope import SOME


def _checked_version(value: str) -> str:
    if not API_VERSION.fullmatch(value):
        raise ValueError(f"{shown(value)} is not an API version; write it as v1 or apps/v1")
    return value


def _checked_kind(value: str) -> str:
    if not KIND.fullmatch(value):
        raise ValueError(f"{shown(value)} is not a kind; write it as in ConfigMap")
    return value


def _checked_field(value: Pointer) -> str:
    if not value.strip("/"):
        raise ValueError(f"{shown(value)} is the whole object; give the field with the name, such as /spec/config")
    return value


def _some_reference(value: object) -> object:
    # A minimal length would report a list of wrong entries as an empty one as well.
    if value == []:
        raise ValueError("is empty; give a reference, or leave the rule out")
    return value


ApiVersion = Annotated[str, AfterValidator(_checked_version), text(API_VERSION)]
Kind = Annotated[str, AfterValidator(_checked_kind), text(KIND)]


class DependencyReference(Model):
    """A field with the name of another object, which is in the namespace of the one that has the field."""

    field_path: Annotated[Pointer, AfterValidator(_checked_field)]
    """The name, as a JSON pointer such as `/spec/config`; `*` stands for each entry of a list."""
    api_version: ApiVersion
    """The API version of the object that is referred to."""
    kind: Kind
    """The kind of the object that is referred to."""


class DependencyRule(Model):
    """What objects of a kind refer to.

    Source: https://karmada.io/docs/userguide/globalview/customizing-resource-interpreter/#dependencyinterpretation
    """

    api_version: ApiVersion
    """The API version of the objects of the propagation that refer to others."""
    kind: Kind
    """Their kind."""
    references: Annotated[
        tuple[DependencyReference, ...], Field(strict=False, json_schema_extra=SOME), BeforeValidator(_some_reference)
    ]
    """The fields that refer to other objects."""
