"""What only publishers have, and a toolchain does without where they do not respond.

Istio's own Envoy, with its filters for metrics, and ztunnel are built from no Go module; the official Kubernetes plugin
of Pulumi has a stand-in (meshfleet/automation/engine/kubernetes_plugin.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from meshfleet.toolchain.recipes import go_platform
from meshfleet.versions import EMBEDDED_ISTIO, PUBLISHED_ISTIO, PUBLISHED_KUBERNETES_PLUGIN


@dataclass(frozen=True)
class Extra:
    """A published tool that has no recipe. Its programs take precedence over others of the same name."""

    tool: str
    version: str
    installed_programs: tuple[str, ...] = ()
    shared_files: tuple[str, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Changes with the release, the system and the processor."""
        return hashlib.sha256("-".join((self.version, *go_platform())).encode()).hexdigest()


ISTIO_PROXY = Extra("istio-proxy", PUBLISHED_ISTIO[EMBEDDED_ISTIO], ("envoy", "ztunnel"))
KUBERNETES_PLUGIN = Extra("pulumi-kubernetes", PUBLISHED_KUBERNETES_PLUGIN)
KUBERNETES_PLUGIN_PROGRAM = "plugin/pulumi-resource-kubernetes"

EXTRAS = (ISTIO_PROXY, KUBERNETES_PLUGIN)
