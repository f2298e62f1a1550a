"""A propagation: objects of the user's own, where they go and how they differ there.

Source: https://karmada.io/docs/userguide/scheduling/propagation-policy/
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PrivateAttr, model_validator

from meshfleet.topology.additions import checked_tree
from meshfleet.topology.model import Model
from meshfleet.topology.propagation.dependencies import DependencyRule
from meshfleet.topology.propagation.failover import ClusterFailover
from meshfleet.topology.propagation.overrides import Override
from meshfleet.topology.propagation.placement import Placement
from meshfleet.topology.propagation.rollout import Rollout
from meshfleet.topology.propagation.sources import ChartSource, Place
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


SOURCES: Final = ("file", "kustomize", "chart")
"""The keys of what stands for objects and is none itself."""


class PropagatedResource(Model):
    """What is propagated: exactly one of the fields below. Paths begin at the project and stay in it."""

    object: KubernetesObject | None = None
    """A Kubernetes object, as in a manifest."""
    file: Place | None = None
    """A YAML or JSON file with one or more objects, or a folder of them."""
    kustomize: Place | None = None
    """The folder of a kustomization, built as `kubectl kustomize` does."""
    chart: ChartSource | None = None
    """A Helm chart, rendered as `helm template` does."""
    _place: str = PrivateAttr(default="")

    @model_validator(mode="after")
    def _one_source(self) -> PropagatedResource:
        given = [key for key in ("object", *SOURCES) if getattr(self, key) is not None]
        if len(given) != 1:
            found = " and ".join(given) or "nothing"
            raise ValueError(f"has {found}; give exactly one of object, file, kustomize, chart")
        return self

    @property
    def source(self) -> str:
        """The key of its source; `object` for an object."""
        return next(key for key in ("object", *SOURCES) if getattr(self, key) is not None)

    @property
    def body(self) -> dict[str, Any]:
        """The object, which every entry of a loaded fleet is."""
        assert self.object is not None
        return self.object

    def path(self, propagation: str, position: int) -> str:
        """Where the object stands: in the stack file, or in the source that an entry there names."""
        return self._place or f"propagations.{propagation}.resources[{position}].object"

    def at(self, place: str) -> PropagatedResource:
        """The same at a place that its position no longer tells."""
        made = self.model_copy()
        made._place = place
        return made

    @classmethod
    def found_at(cls, place: str, body: dict[str, Any]) -> PropagatedResource:
        """An object of a source, at `place`. Raises ValidationError for what is no object."""
        made = cls.model_validate({"object": body})
        made._place = place
        return made


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
    conflict_resolution: Literal["Abort", "Overwrite"] = "Abort"
    """Whether an object of another's making that a cluster has already is refused or taken over."""
    preserve_resources_on_deletion: bool = False
    """Whether objects stay in a cluster that leaves the placement, or when the propagation is removed."""
    rollout: Rollout | None = None
    """How a change reaches the clusters; all at once when left out."""
    failover: ClusterFailover | None = None
    """Whether, and when, the share of an unreachable cluster moves to others; it stays when left out."""
    follow_dependencies: bool = False
    """Whether what its objects refer to goes with them, to each of their clusters."""
    only_as_dependencies: bool = False
    """Whether its objects go nowhere but where objects that follow their dependencies refer to them."""
    dependency_rules: Annotated[tuple[DependencyRule, ...], Field(strict=False)] = ()
    """What its objects refer to, beside what pod templates and Ingresses do."""
    _notes: tuple[str, ...] = PrivateAttr(default=())

    @model_validator(mode="after")
    def _goes_in_one_way(self) -> Propagation:
        if self.only_as_dependencies:
            for field in ("placement", "failover"):
                if getattr(self, field) is not None and field in self.model_fields_set:
                    raise ValueError(
                        f"has onlyAsDependencies and {field}; its objects go where others do, leave {field} out"
                    )
        elif self.dependency_rules and not self.follow_dependencies:
            raise ValueError("has dependencyRules, which nothing follows; set followDependencies, or leave them out")
        return self

    @property
    def notes(self) -> tuple[str, ...]:
        """What of its sources is left out, in words."""
        return self._notes

    def with_objects(self, resources: tuple[PropagatedResource, ...], notes: tuple[str, ...]) -> Propagation:
        """The same with the objects that its sources stand for."""
        made = self.model_copy(update={"resources": resources})
        made._notes = notes
        return made
