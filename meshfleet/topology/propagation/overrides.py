"""How an object differs in some of its clusters.

Sources: https://karmada.io/docs/userguide/scheduling/override-policy/, https://www.rfc-editor.org/rfc/rfc6902 and
https://kubernetes.io/docs/tasks/manage-kubernetes-objects/update-api-object-kubectl-patch/
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field, model_validator

from meshfleet.redaction.shown import shown
from meshfleet.topology.additions import Annotations, Operation, Pointer, checked_tree
from meshfleet.topology.labels import LabelKey, LabelValue
from meshfleet.topology.model import Model
from meshfleet.topology.names import Label
from meshfleet.topology.propagation.affinity import ClusterAffinity
from meshfleet.topology.text import Line, Text

MOST_REPLICAS = 100_000
_VARIABLE: Final = re.compile(r"[ -<>-~]+")


class ObjectSelector(Model):
    """A selection of objects of the propagation; an empty one selects all of them.

    Objects that are selected by `kind` must have what is changed. Otherwise those without it are left alone, except by
    patches (`fields`, `json`, `strategicMerge`), which must fit each of them.
    """

    api_version: Line = ""
    """The API version of the objects."""
    kind: Line = ""
    """The kind of the objects."""
    name: Line = ""
    """The name of the object."""
    namespace: Line = ""
    """The namespace of the objects."""


class ImageOverride(Model):
    """A change of a part of the images of pod templates.

    A tag takes the place of a digest, and a digest that of a tag: with both, the digest counts alone.

    Source: https://karmada.io/docs/userguide/scheduling/override-policy/#imageoverrider
    """

    component: Literal["Registry", "Repository", "Tag", "Digest"]
    """The part of the image; a `Registry` may be followed by a path, as those of mirrors are."""
    operator: Literal["add", "remove", "replace"] = "replace"
    """`add` appends to the part, `remove` takes it away."""
    value: Line = ""
    """The value to add or to replace the part with; none for `remove`."""
    container: Label | None = None
    """The container; all of them, init containers too, when left out."""

    @model_validator(mode="after")
    def _value_fits_the_operator(self) -> ImageOverride:
        if (self.operator == "remove") == bool(self.value):
            raise ValueError(f"operator {self.operator} {'takes no' if self.value else 'needs a'} value")
        if self.operator == "remove" and self.component == "Repository":
            raise ValueError("an image has a repository; replace it")
        return self


class CommandOverride(Model):
    """Words that are added to, or removed from, the command or the arguments of a container.

    Source: https://karmada.io/docs/userguide/scheduling/override-policy/#commandoverrider
    """

    container: Label
    """The container."""
    operator: Literal["add", "remove", "replace"]
    """`add` appends the words, `remove` takes them away, `replace` leaves these alone."""
    value: Annotated[tuple[Text, ...], Field(strict=False)]
    """The words."""

    @model_validator(mode="after")
    def _some_word(self) -> CommandOverride:
        if not self.value and self.operator != "replace":
            raise ValueError(f"operator {self.operator} needs words; give at least one")
        return self


def _require_distinct(given: dict[str, str], unset: tuple[str, ...], what: str) -> None:
    """Raises ValueError where nothing is set or removed, or one thing is both."""
    if not given and not unset:
        raise ValueError(f"names no {what}; give set or unset")
    if both := sorted(given.keys() & set(unset)):
        raise ValueError(f"both sets and unsets {both[0]}; do one of them")


class EnvOverride(Model):
    """Environment variables of a container."""

    container: Label | None = None
    """The container; all but init containers when left out."""
    set: dict[Line, Text] = Field(default_factory=dict)
    """Variables by name; one that is there keeps its place and gets the value, in place of `valueFrom`."""
    unset: Annotated[tuple[Line, ...], Field(strict=False)] = ()
    """Variables that are removed."""

    @model_validator(mode="after")
    def _some_variable(self) -> EnvOverride:
        # https://github.com/kubernetes/apimachinery/blob/master/pkg/util/validation/validation.go: IsRelaxedEnvVarName
        if wrong := [name for name in (*self.set, *self.unset) if not _VARIABLE.fullmatch(name)]:
            raise ValueError(f"{shown(wrong[0])} is not the name of a variable; use printable ASCII without '='")
        _require_distinct(self.set, self.unset, "variable")
        return self


class MetadataOverride(Model):
    """Annotations that are set or removed."""

    set: Annotations = Field(default_factory=dict)
    """Entries by key, set or replaced."""
    unset: Annotated[tuple[LabelKey, ...], Field(strict=False)] = ()
    """Keys that are removed."""

    @model_validator(mode="after")
    def _some_annotation(self) -> MetadataOverride:
        _require_distinct(self.set, self.unset, "annotation")
        return self


class LabelsOverride(Model):
    """Labels that are set or removed."""

    set: dict[LabelKey, LabelValue] = Field(default_factory=dict)
    """Labels by key, set or replaced."""
    unset: Annotated[tuple[LabelKey, ...], Field(strict=False)] = ()
    """Keys that are removed."""

    @model_validator(mode="after")
    def _some_label(self) -> LabelsOverride:
        _require_distinct(self.set, self.unset, "label")
        return self


class FieldOverride(Model):
    """A change of a value within a text that is itself YAML or JSON, such as an entry of a ConfigMap.

    Comments, quotes and the order of keys stay. A YAML text with anchors is refused.

    Source: https://karmada.io/docs/userguide/scheduling/override-policy/#fieldoverrider
    """

    field_path: Pointer
    """The text, as a JSON pointer such as `/data/config.yaml`."""
    format: Literal["yaml", "json"]
    """The format of the text."""
    operations: Annotated[tuple[Operation, ...], Field(strict=False, alias="json", min_length=1)]
    """A JSON patch of the value that the text holds."""


class Override(Model):
    """Changes of objects in some clusters, in the order of the fields below.

    Source: https://karmada.io/docs/userguide/scheduling/override-policy/
    """

    target_clusters: ClusterAffinity = Field(default_factory=ClusterAffinity)
    """The clusters; all of the propagation when left out."""
    objects: ObjectSelector = Field(default_factory=ObjectSelector)
    """The objects; all of the propagation that have what is changed when left out."""
    image: Annotated[tuple[ImageOverride, ...], Field(strict=False)] = ()
    """Changes of images."""
    command: Annotated[tuple[CommandOverride, ...], Field(strict=False)] = ()
    """Changes of commands."""
    args: Annotated[tuple[CommandOverride, ...], Field(strict=False)] = ()
    """Changes of arguments."""
    env: Annotated[tuple[EnvOverride, ...], Field(strict=False)] = ()
    """Changes of environment variables."""
    replicas: Annotated[int, Field(ge=0, le=MOST_REPLICAS)] | None = None
    """The number of replicas in each of the clusters; takes no part in dividing them."""
    labels: LabelsOverride | None = None
    """Changes of labels of the object."""
    annotations: MetadataOverride | None = None
    """Changes of annotations of the object."""
    fields: Annotated[tuple[FieldOverride, ...], Field(strict=False)] = ()
    """Changes within texts that are YAML or JSON."""
    operations: Annotated[tuple[Operation, ...] | None, Field(strict=False, alias="json")] = None
    """A JSON patch of the object."""
    strategic_merge: Annotated[dict[str, Any], AfterValidator(checked_tree)] | None = None
    """A strategic merge patch of the object, for kinds of Kubernetes itself; merge patch for others."""

    @model_validator(mode="after")
    def _changes_something(self) -> Override:
        # An empty list or patch changes nothing either; 0 replicas do.
        changes = (getattr(self, field) for field in self.model_fields_set - {"target_clusters", "objects"})
        if all(change is None or change in ((), {}) for change in changes):
            raise ValueError("changes nothing; give one of image, command, args, env, replicas, labels, …")
        return self
