"""Where a cluster's Istio control plane runs: its own, another primary's, or an external one.

Source: https://istio.io/latest/docs/ops/deployment/deployment-models/#control-plane-models
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from meshfleet.redaction.shown import shown
from meshfleet.topology.json_schema import one_key
from meshfleet.topology.model import Model


class ControlPlane(Model):
    """`own`, or `{remote: PRIMARY}`, or `{external: HOSTING CLUSTER}` in a stack file.

    `of` names the cluster that serves this one; it is empty for `own`.
    """

    kind: Literal["own", "remote", "external"] = "own"
    """Whether the cluster runs its own control plane, or whose kind of control plane serves it."""
    of: str = ""
    """The cluster that serves this one; empty for `own`."""

    @model_validator(mode="before")
    @classmethod
    def _from_short_form(cls, value: Any) -> Any:
        if isinstance(value, ControlPlane):
            return {"kind": value.kind, "of": value.of}
        if value in ("own", {}):
            return {"kind": "own", "of": ""}
        if isinstance(value, dict) and len(value) == 1:
            kind, of = next(iter(value.items()))
            if kind in ("remote", "external") and isinstance(of, str) and of:
                return {"kind": kind, "of": of}
        raise ValueError(
            f"{shown(value)} is not a control plane; use own, {{remote: CLUSTER}} or {{external: CLUSTER}}"
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """What is written in a stack file, which is never the fields."""
        name: JsonSchemaValue = {"type": "string", "minLength": 1}
        return {"anyOf": [{"enum": ["own", {}]}, one_key("remote", name), one_key("external", name)]}
