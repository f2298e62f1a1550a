"""The base of every model of a stack file: camelCase keys, unknown keys refused, values frozen."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Model(BaseModel):
    """A part of a stack file, immutable once read.

    Keys are camelCase as in Kubernetes and Istio; attributes are snake_case. A key that is not declared is a
    fault, never ignored, since a misspelt option that does nothing is the dearest kind of mistake. The text
    below a field describes it (`descriptions`), in docs/stack-file.md and in the JSON schema.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        frozen=True,
        strict=True,
        validate_default=False,
    )
