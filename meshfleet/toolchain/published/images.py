"""What an image registry says of an image, by the OCI specifications. Pure.

An index names a manifest for each platform, a manifest the layers from the lowest to the topmost, each by its digest.
Source: https://github.com/opencontainers/image-spec/blob/main/manifest.md and image-index.md
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from meshfleet.files.json_text import parse_json

INDEXES: Final = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
MANIFESTS: Final = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
ACCEPT: Final = ", ".join((*INDEXES, *MANIFESTS))

_DIGEST: Final = re.compile(r"sha256:([0-9a-f]{64})")
_LAYER: Final = re.compile(
    r"application/vnd\.(oci\.image\.layer(\.nondistributable)?\.v1|docker\.image\.rootfs(\.foreign)?\.diff)\.tar(.gzip|\+gzip)?"
)
_MANY_LAYERS: Final = 200


@dataclass(frozen=True)
class Layer:
    """One layer: SHA-256 and bytes of its tar or gzipped tar."""

    sha256: str
    size: int


def is_index(document: bytes) -> bool:
    """Whether a document names manifests rather than layers. Raises ValueError when it is neither."""
    found = _object(document)
    if isinstance(found.get("manifests"), list):
        return True
    if isinstance(found.get("layers"), list):
        return False
    raise ValueError("neither an index nor a manifest of an image")


def manifest_of(document: bytes, platform: tuple[str, str]) -> str:
    """The SHA-256 of the manifest for a platform, such as linux and amd64. Raises ValueError when there is none."""
    for entry in _object(document)["manifests"]:
        wanted = entry.get("platform") if isinstance(entry, dict) else None
        # Attestations are of the platform unknown/unknown.
        if isinstance(wanted, dict) and (wanted.get("os"), wanted.get("architecture")) == platform:
            return _digest(entry)
    raise ValueError(f"no manifest for {'/'.join(platform)}")


def layers_of(document: bytes) -> tuple[Layer, ...]:
    """The layers of a manifest, the lowest first. Raises ValueError for what is no layer or cannot be unpacked."""
    found = []
    for entry in _object(document)["layers"]:
        if not isinstance(entry, dict) or not isinstance(entry.get("size"), int) or entry["size"] < 0:
            raise ValueError("a layer without a size")
        kind = str(entry.get("mediaType"))
        if not _LAYER.fullmatch(kind):
            raise ValueError(f"a layer of the kind {kind}, which is not read here")
        found.append(Layer(_digest(entry), entry["size"]))
    if not 0 < len(found) <= _MANY_LAYERS:
        raise ValueError(f"{len(found)} layers")
    return tuple(found)


def challenge(header: str) -> dict[str, str]:
    """The parameters of a WWW-Authenticate header that asks for a bearer token; none for any other.

    Source: https://distribution.github.io/distribution/spec/auth/token/
    """
    scheme, _, rest = header.partition(" ")
    if scheme.lower() != "bearer":
        return {}
    return {name.lower(): value for name, value in re.findall(r'([A-Za-z_]+)="([^"]*)"', rest)}


def token_of(document: bytes) -> tuple[str, float]:
    """The token that a registry's realm gives, and the seconds it is good for. Raises ValueError when there is none."""
    found = _object(document)
    token, seconds = found.get("token") or found.get("access_token"), found.get("expires_in") or 60
    if not isinstance(token, str) or not (token and token.isascii() and token.isprintable()):
        raise ValueError("no token")
    # Of what is no number the specification's default holds, as of none.
    return token, float(seconds) if isinstance(seconds, int | float) and 0 < seconds < 1e6 else 60.0


def _object(document: bytes) -> dict[str, Any]:
    found = parse_json(document)
    if isinstance(found, dict):
        return found
    raise ValueError("not an object")


def _digest(entry: dict[str, Any]) -> str:
    found = _DIGEST.fullmatch(str(entry.get("digest")))
    if not found:
        raise ValueError("no SHA-256 digest")
    return found[1]
