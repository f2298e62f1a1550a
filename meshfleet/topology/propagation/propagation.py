"""A propagation: objects of the user's own, where they go and how they differ there.

Source: https://karmada.io/docs/userguide/scheduling/propagation-policy/
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from meshfleet.topology.additions import checked_tree
from meshfleet.topology.model import Model
from meshfleet.topology.propagation.overrides import Override
from meshfleet.topology.propagation.placement import Placement
from meshfleet.topology.service_scope import SOME


def _checked_object(value: dict[str, Any]) -> dict[str, Any]:
    """An object with an API version, a kind and a name. Raises ValueError in words."""
    for field in ("apiVersion", "kind"):
        if not isinstance(value.get(field), str) or not value[field]:
            raise ValueError(f"has no {field}; give one, such as {'v1' if field == 'apiVersion' else 'ConfigMap'}")
    metadata = value.get("metadata")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str) or not metadata["name"]:
        raise ValueError("has no metadata.name; give it a name")
    return dict(checked_tree(value))


def _some_resource(value: object) -> object:
    # A minimal length would report a list of wrong entries as an empty one as well.
    if value == []:
        raise ValueError("is empty; give an object, or leave the propagation out")
    return value


KubernetesObject = Annotated[dict[str, Any], AfterValidator(_checked_object)]


class PropagatedResource(Model):
    """What is propagated."""

    object: KubernetesObject
    """A Kubernetes object, as in a manifest."""


class Propagation(Model):
    """Objects that are created in chosen clusters, and how they differ there.

    Source: https://karmada.io/docs/userguide/scheduling/propagation-policy/
    """

    resources: Annotated[
        tuple[PropagatedResource, ...], Field(strict=False, json_schema_extra=SOME), BeforeValidator(_some_resource)
    ]
    """The objects."""
    placement: Placement = Field(default_factory=Placement)
    """The clusters they go to."""
    overrides: Annotated[tuple[Override, ...], Field(strict=False)] = ()
    """How they differ in some of the clusters, in order."""
    preserve_resources_on_deletion: bool = False
    """Whether objects stay in a cluster that leaves the placement, or when the propagation is removed."""
