"""What the engine did or would do, as changes of a fleet: which cluster, which stage, what."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from meshfleet.automation.reporting.plugin_advice import for_stack_files
from meshfleet.components.tokens import COMPONENT_PREFIX, component_of
from meshfleet.errors.causes import FORGETTABLE, Cause, advice, cause_in
from meshfleet.manifests.registry import stages_of_components
from meshfleet.manifests.section import Stage

if TYPE_CHECKING:
    from pulumi.automation.events import EngineEvent, StepEventMetadata

# The stage of what makes a cluster reachable, before it gets any document.
CLUSTER = "cluster"
STAGES = (CLUSTER, *(stage.heading for stage in Stage))
# The drift of the objects of a Helm release, by type; each is followed by its former name.
DRIFT = {"meshfleet:index:ReleaseObjects": "drift", "meshfleet:index:ReleaseParts": "differing"}
UNCHANGED = ("same", "read", "refresh")
# How an API server says that an object does not exist which is to be changed, and Helm that a release does not.
GONE = ("not found", "has no deployed releases")
# What the engine and the program's runtime say after a resource failed; with the resource's own words it tells
# nothing more.
CONSEQUENCES = ("python inline source runtime error: resource", "an unhandled error occurred: python inline source")


@dataclass(frozen=True)
class Place:
    """Where a resource belongs: `cluster` is empty for what belongs to the whole fleet."""

    cluster: str
    stage: str
    what: str

    def __str__(self) -> str:
        return f"{self.cluster}: {self.what}" if self.cluster else self.what


@dataclass(frozen=True)
class Change:
    """One resource that is or would be created, changed, replaced or deleted."""

    place: Place
    operation: str
    fields: tuple[str, ...] = ()

    def __str__(self) -> str:
        fields = f" ({', '.join(self.fields)})" if self.fields else ""
        return f"{self.place} {self.operation}{fields}"


@dataclass
class Record:
    """Collects the events of one operation of the engine; `reached` is all that is done or was found unchanged."""

    changes: list[Change] = field(default_factory=list)
    reached: set[Place] = field(default_factory=set)
    failures: dict[Place, list[str]] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)

    def add(self, event: EngineEvent) -> None:
        """Take note of an event."""
        if event.res_outputs_event:
            self._done(event.res_outputs_event.metadata)
        elif event.res_op_failed_event:
            self.failures.setdefault(place_of(event.res_op_failed_event.metadata.urn), [])
        elif event.diagnostic_event and event.diagnostic_event.severity == "error":
            self._error(event.diagnostic_event.urn or "", event.diagnostic_event.message)

    def _done(self, step: StepEventMetadata) -> None:
        operation = str(step.op.value)
        if is_component(step.type):
            return
        self.reached.add(place_of(step.urn))
        if operation in UNCHANGED:
            return
        self.changes.append(Change(place_of(step.urn), operation, _differing(step) or tuple(step.diffs or ())))

    def _error(self, urn: str, message: str) -> None:
        text = for_stack_files(" ".join(message.replace("<{%reset%}>", "").split()))
        if text in ("update failed", "preview failed", "destroy failed", "refresh failed"):
            return
        if urn:
            self.failures.setdefault(place_of(urn), []).append(text)
        else:
            self.errors.append(text)

    def sentences(self) -> list[str]:
        """Every failure as a sentence that names the cluster and the resource."""
        told = {
            place: [text for text in texts if not text.startswith(CONSEQUENCES)]
            for place, texts in self.failures.items()
        }
        resources = [place for place, texts in self.failures.items() if told[place] or not texts]
        if not resources:
            everything = [f"{place}: {' '.join(texts)}" for place, texts in self.failures.items()]
            return list(dict.fromkeys([*everything, *self.errors]))
        named = [f"{place}: {' '.join(told[place]) or 'failed'}" for place in resources]
        others = [text for text in self.errors if not text.startswith(CONSEQUENCES)]
        return list(dict.fromkeys([*named, *others]))

    def missing(self) -> list[Place]:
        """What could not be changed or removed since it is gone from its cluster, which the state does not say yet."""
        return [
            place for place, texts in self.failures.items() if any(words in text for text in texts for words in GONE)
        ]

    def causes(self) -> dict[str, Cause]:
        """The clusters whose API server gave no usable answer, and why; the first cause of each."""
        found: dict[str, Cause] = {}
        for place, texts in self.failures.items():
            for cause in filter(None, map(cause_in, texts)):
                if place.cluster:
                    found.setdefault(place.cluster, cause)
        return found

    def unreachable(self) -> list[str]:
        """The clusters that may be gone, by what was seen of their API servers."""
        return [cluster for cluster, cause in self.causes().items() if cause in FORGETTABLE]

    def remedies(self) -> list[str]:
        """What helps where a cluster gave no usable answer and its message, of another program, does not say it."""
        said = " ".join(text for texts in self.failures.values() for text in texts)
        return [f"{cluster}: {advice(cause)}" for cluster, cause in self.causes().items() if advice(cause) not in said]


def _differing(step: StepEventMetadata) -> tuple[str, ...]:
    """The objects of a release that a refresh found missing or changed, or that an update has restored."""
    if step.type not in DRIFT:
        return ()
    for state in (step.new, step.old):
        outputs = (state.outputs or {}) if state else {}
        found = next((outputs[name] for name in DRIFT.values() if outputs.get(name)), None)
        if isinstance(found, dict) and found:
            return tuple(f"{part}: {what}" for part, what in found.items())
    return ()


def place_of(urn: str) -> Place:
    """The place of a resource by its URN: the cluster by its name, `<cluster>/<what>`, the stage by its component.

    So resources that are no longer declared have a place too. Of components with documents the registry of sections
    knows the stage; what the others hold makes their cluster reachable.
    """
    name = urn.rpartition("::")[2]
    cluster, separator, what = name.partition("/")
    if not separator:
        return Place("", "fleet", name)
    stage = stages_of_components().get(component_of(urn))
    heading = stage.heading if stage else CLUSTER
    return Place("", heading, f"{what} of {cluster}") if cluster.startswith("mesh ") else Place(cluster, heading, what)


def is_component(resource_type: str) -> bool:
    """Whether a resource only groups others: components, the stack itself and providers."""
    return resource_type.startswith((COMPONENT_PREFIX, "pulumi:"))


def counted(changes: Iterable[Change]) -> dict[str, int]:
    """How many changes of each kind, sorted by kind."""
    counts: dict[str, int] = {}
    for change in changes:
        counts[change.operation] = counts.get(change.operation, 0) + 1
    return dict(sorted(counts.items()))
