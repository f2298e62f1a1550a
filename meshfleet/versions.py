"""Releases of Istio and Kubernetes: which support each other, and which the toolchain can build for embedded clusters.

Source: https://istio.io/latest/docs/releases/supported-releases/#support-status-of-istio-releases
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

SUPPORTED: Final[dict[str, tuple[int, ...]]] = {
    "1.30": (32, 33, 34, 35, 36),
    "1.31": (32, 33, 34, 35, 36),
}
"""Istio's minor release → the Kubernetes minor releases it supports."""

EMBEDDED_ISTIO: Final = "1.31"
EMBEDDED_KUBERNETES: Final = "v1.35.4"
"""The standard releases: those of a stack file that names none, and all that `scripts/bootstrap` builds by itself."""

BUILT_ISTIO: Final = ("1.30", EMBEDDED_ISTIO)
BUILT_KUBERNETES: Final = ("v1.32.2", EMBEDDED_KUBERNETES, "v1.36.3")
"""What embedded clusters can run, oldest first; all but the standard ones are built when a stack file names them.

Each has a go.mod in `modules/` of the toolchain. They are the oldest and the newest that SUPPORTED has and that the
index of Go modules serves (docs/toolchain.md).
"""


PUBLISHED_ISTIO: Final = {"1.30": "1.30.4", EMBEDDED_ISTIO: "1.31.0"}
"""Istio's release line → the release whose published programs and charts stand for it in the toolchain."""

PUBLISHED_KUBERNETES_PLUGIN: Final = "v4.34.2"
"""The published Kubernetes plugin of Pulumi: that of `pulumi-kubernetes` in pyproject.toml."""


def further_istio(version: str) -> str:
    """The release line of a version of Istio other than the standard one; empty for that."""
    minor = minor_of(version)
    return "" if minor == EMBEDDED_ISTIO else minor


def minor_of(version: str) -> str:
    """The release line of a version, as 1.31 of 1.31.2."""
    return ".".join(version.split(".")[:2])


def one_of(versions: Sequence[str]) -> str:
    """Versions to choose from in words, as `v1.32.2, v1.35.4 or v1.36.3`."""
    return " or ".join(filter(None, (", ".join(versions[:-1]), versions[-1])))
