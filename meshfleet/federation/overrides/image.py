"""Names of images in their parts, and changes of these.

The registry is the first part of a name if it has a dot, a colon or a capital, or is `localhost`. A tag and a digest
exclude each other in a change, as in Karmada: where both are in an image the digest counts alone, so that a new tag
would change nothing.

Sources: https://github.com/distribution/reference/blob/main/reference.go and
https://karmada.io/docs/userguide/scheduling/override-policy/#imageoverrider
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final

from meshfleet.errors import DocumentError
from meshfleet.federation.overrides.pod_templates import Object, containers_of, containers_there, with_containers
from meshfleet.redaction.shown import shown
from meshfleet.topology.propagation.overrides import ImageOverride

LONGEST_NAME: Final = 255
# A fleet of many clusters changes the same few images again and again.
_KEPT: Final = 65_536
_HOST: Final = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_REGISTRY: Final = re.compile(rf"(?:{_HOST}(?:\.{_HOST})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?")
_PART: Final = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_REPOSITORY: Final = re.compile(rf"{_PART}(?:/{_PART})*")
_TAG: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_ALGORITHM: Final = r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*"
_DIGEST: Final = re.compile(rf"({_ALGORITHM}):([0-9a-fA-F]{{32,}})")
# Digits of the digests that are registered (https://github.com/opencontainers/image-spec/blob/main/descriptor.md).
_DIGITS: Final = {"sha256": 64, "sha384": 96, "sha512": 128}


@dataclass(frozen=True)
class Image:
    """The parts of an image's name; those that it has not are empty."""

    registry: str
    repository: str
    tag: str = ""
    digest: str = ""

    def __str__(self) -> str:
        name = f"{self.registry}/{self.repository}" if self.registry else self.repository
        return name + (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")


def parsed(text: str) -> Image:
    """The parts of an image's name. Raises DocumentError for what is none."""
    name, _, digest = text.partition("@")
    first, slash, rest = name.partition("/")
    registry, path = (first, rest) if slash and _is_registry(first) else ("", name)
    repository, colon, tag = path.partition(":")
    wrong = (
        (registry and not _REGISTRY.fullmatch(registry) and "registry")
        or (not _REPOSITORY.fullmatch(repository) and "repository")
        or ((tag or colon) and not _TAG.fullmatch(tag) and "tag")
        or ((digest or "@" in text) and not _is_digest(digest) and "digest")
    )
    if wrong:
        raise DocumentError(f"{shown(text)} is not an image: its {wrong} is not one")
    if len(registry) + len(repository) >= LONGEST_NAME:
        raise DocumentError(f"{shown(text)} is not an image: its name has more than {LONGEST_NAME} characters")
    return Image(registry, repository, tag, digest)


def _is_registry(first: str) -> bool:
    return "." in first or ":" in first or first == "localhost" or first != first.lower()


def _is_digest(digest: str) -> bool:
    match = _DIGEST.fullmatch(digest)
    return match is not None and _DIGITS.get(match[1], len(match[2])) == len(match[2])


def with_image(body: Object, override: ImageOverride) -> Object | None:
    """The object with other images; None where it has none to change. Raises DocumentError for no image."""

    def change(container: Mapping[str, Any]) -> Mapping[str, Any] | None:
        image = container.get("image")
        if not isinstance(image, str) or not image:
            return None
        made = changed(image, override.component, override.operator, override.value)
        return None if made is None else {**container, "image": made}

    return with_containers(body, override.container, change, init=True)


@lru_cache(maxsize=_KEPT)
def changed(text: str, component: str, operator: str, value: str) -> str | None:
    """The name of the image with one part changed; None where the part to remove is not there.

    Raises DocumentError for what is, or would be, no image.
    """
    image = parsed(text)
    part = component.lower()
    there = getattr(image, part)
    if operator == "remove":
        return str(replace(image, **{part: ""})) if there else None
    made = there + value if operator == "add" else value
    if part == "registry" and not _is_registry(made.partition("/")[0]):
        raise DocumentError(f"{shown(made)} is not a registry; give a host with a dot or a port, or localhost")
    others = {"tag": {"digest": ""}, "digest": {"tag": ""}}.get(part, {})
    text = str(replace(image, **{part: made}, **others))
    if parsed(text) != replace(parsed(text), **{**others, **({} if part == "registry" else {part: made})}):
        raise DocumentError(f"{shown(made)} is not a {part}")
    return text


def missing(body: Object, override: ImageOverride) -> str:
    """What the object lacks for a change of images, and what it has."""
    if override.operator == "remove" and any(True for _ in containers_of(body)):
        named = [each for each in containers_of(body) if override.container in (None, each.get("name"))]
        if named:
            images = ", ".join(shown(each.get("image")) for each in named)
            return f"has no {override.component.lower()} to remove; images: {images}"
    there = containers_there(body, override.container)
    return "has no container with an image" if there.startswith("containers") else there
