"""The changes that an override is made of, in order: each with its place, and what it makes of an object.

Source: https://karmada.io/docs/userguide/scheduling/override-policy/
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

from meshfleet.federation.overrides import containers, image, metadata, text_field
from meshfleet.federation.overrides.pod_templates import Object
from meshfleet.federation.overrides.strategic_merge import strategically_merged
from meshfleet.redaction.shown import shown
from meshfleet.topology.patching import patched
from meshfleet.topology.propagation.overrides import CommandOverride, EnvOverride, Override

_WORDS: Final[tuple[containers.Field, ...]] = ("command", "args")
_ENTRIES: Final[tuple[metadata.Field, ...]] = ("labels", "annotations")


@dataclass(frozen=True)
class Change:
    """One change of an override: where it stands in the propagation, and what it makes of an object.

    `apply` changes nothing in place, returns None for an object that has nothing of what is changed, and raises
    DocumentError for one that it does not fit. `missing` says what such an object lacks, and what it has. With
    `optional` an object without is left alone, however it was selected.
    """

    path: str
    apply: Callable[[Object], Object | None]
    missing: Callable[[Object], str] = str
    optional: bool = False


def changes(place: str, override: Override) -> Iterator[Change]:
    """The changes of an override in the order of its fields; `place` is the override, such as `overrides[0]`."""
    for position, images in enumerate(override.image):
        yield Change(
            f"{place}.image[{position}]",
            partial(image.with_image, override=images),
            partial(image.missing, override=images),
            optional=images.operator == "remove",
        )
    for field in _WORDS:
        words: tuple[CommandOverride, ...] = getattr(override, field)
        for position, words_here in enumerate(words):
            yield Change(
                f"{place}.{field}[{position}]",
                partial(containers.with_words, field=field, override=words_here),
                partial(containers.missing, name=words_here.container, what=f"such words in its {field}"),
                optional=words_here.operator == "remove",
            )
    for position, variables in enumerate(override.env):
        yield from _variables(f"{place}.env[{position}]", variables)
    if override.replicas is not None:
        yield Change(
            f"{place}.replicas", partial(metadata.with_replicas, replicas=override.replicas), metadata.without_replicas
        )
    yield from _metadata(place, override)
    yield from _patches(place, override)


def _variables(path: str, override: EnvOverride) -> Iterator[Change]:
    if override.set:
        yield Change(
            path,
            partial(containers.with_variables, override=override),
            partial(containers.missing, name=override.container, what="containers"),
        )
    for position, name in enumerate(override.unset):
        yield Change(
            f"{path}.unset[{position}]",
            partial(containers.without_variable, override=override, name=name),
            partial(containers.missing, name=override.container, what=f"variable {shown(name)}"),
            optional=True,
        )


def _metadata(place: str, override: Override) -> Iterator[Change]:
    for field in _ENTRIES:
        entries = getattr(override, field)
        if entries is None:
            continue
        if entries.set:
            yield Change(f"{place}.{field}.set", partial(metadata.with_entries, field=field, entries=dict(entries.set)))
        for position, key in enumerate(entries.unset):
            yield Change(
                f"{place}.{field}.unset[{position}]",
                partial(metadata.without_entry, field=field, key=key),
                partial(metadata.entries_there, field=field, key=key),
                optional=True,
            )


def _patches(place: str, override: Override) -> Iterator[Change]:
    for position, texts in enumerate(override.fields):
        for step, operation in enumerate(texts.operations):
            yield Change(
                f"{place}.fields[{position}].json[{step}]",
                partial(text_field.with_operation, override=texts, operation=operation),
            )
    for step, operation in enumerate(override.operations or ()):
        yield Change(f"{place}.json[{step}]", partial(patched, operation=operation))
    if override.strategic_merge is not None:
        yield Change(f"{place}.strategicMerge", partial(strategically_merged, patch=override.strategic_merge))
