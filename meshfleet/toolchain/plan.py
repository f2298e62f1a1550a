"""What the toolchain of this checkout consists of, and whether all of it is there.

Everything here runs at the start of every command, so it imports little and starts no process.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from meshfleet.toolchain.extras import EXTRAS, ISTIO_PROXY, KUBERNETES_PLUGIN, KUBERNETES_PLUGIN_PROGRAM, Extra
from meshfleet.toolchain.installation import BUILT, COPIED, Installation
from meshfleet.toolchain.pulumi_on_path import PROGRAMS as PULUMI_PROGRAMS
from meshfleet.toolchain.pulumi_on_path import find_pulumi
from meshfleet.toolchain.recipes import (
    CONTAINER_RECIPES,
    ENVOY_BOOTSTRAP,
    PULUMI,
    PULUMI_LANGUAGE_PYTHON,
    RECIPES,
    Recipe,
)
from meshfleet.toolchain.view import view_faults
from meshfleet.toolchain.wheel_programs import WheelProgram, find_programs
from meshfleet.workspace.cache import Cache, locate_cache

# A key this long tells installations apart and keeps paths short.
_SHOWN_DIGITS = 12


@dataclass(frozen=True)
class Toolchain:
    """The tools, ready to be run.

    `bin` holds every program (etcd, kube-apiserver, kube-controller-manager, kube-scheduler, kwok, kwokctl,
    kubectl, helm, istioctl, pilot-discovery, pilot-agent, envoy, echo-server, echo-client, pulumi,
    pulumi-language-python and its script); `charts` holds Istio's charts in folders base, istiod, gateway, cni and
    ztunnel, `gateway_api` is the chart of the Gateway API's definitions; `envoy_bootstrap` is the file from which
    pilot-agent makes the configuration that an Envoy starts with; `versions` is what each tool's pinned version
    is, such as `{"kubernetes": "v1.35.4"}`. `kubernetes_plugin` is the official plugin of Pulumi and `istio_proxy` says
    whether `bin` has Istio's own Envoy and ztunnel: both only where they were published.
    """

    bin: Path
    charts: Path
    gateway_api: Path
    envoy_bootstrap: Path
    versions: Mapping[str, str]
    kubernetes_plugin: Path | None = None
    istio_proxy: bool = False


@dataclass(frozen=True)
class Plan:
    """The parts of one toolchain and where each belongs."""

    cache: Cache
    recipes: tuple[Recipe, ...]
    wheels: tuple[WheelProgram, ...] = ()
    pulumi: Path | None = None
    extras: tuple[Extra, ...] = ()

    @property
    def parts(self) -> tuple[tuple[Recipe | WheelProgram, Installation], ...]:
        """Every part with its place in the cache."""
        parts: tuple[Recipe | WheelProgram, ...] = (*self.recipes, *self.wheels)
        return tuple((part, self._place(part)) for part in parts)

    @property
    def extra_parts(self) -> tuple[tuple[Extra, Installation], ...]:
        """What only publishers have, with its place, whether or not anything is there."""
        return tuple((extra, self._place(extra)) for extra in self.extras)

    @property
    def present_extras(self) -> tuple[tuple[Extra, Installation], ...]:
        """The extras that can be used; what is missing or damaged is done without."""
        return tuple((extra, place) for extra, place in self.extra_parts if not place.faults())

    @property
    def programs(self) -> dict[str, Path]:
        """Every program by name, and the file it is."""
        programs = {name: place.bin / name for part, place in self.parts for name in part.installed_programs}
        programs |= {name: place.bin / name for part, place in self.present_extras for name in part.installed_programs}
        if self.pulumi is not None:
            programs.update({name: self.pulumi / name for name in PULUMI_PROGRAMS})
        return programs

    @property
    def contents(self) -> dict[str, Path]:
        """What the view holds, by path in it: all programs in `bin`, and in `share` the files that they read."""
        shared = {f"share/{name}": place.share / name for part, place in self.parts for name in part.shared_files}
        return {f"bin/{name}": source for name, source in self.programs.items()} | shared

    @property
    def view(self) -> Path:
        """The folder that shows all programs of exactly these parts."""
        digest = hashlib.sha256(str(self.pulumi).encode())
        shown = (place for part, place in self.present_extras if part.installed_programs)
        for place in (*(place for _, place in self.parts), *shown):
            digest.update(place.path.name.encode())
        return self.cache.toolchain / f"view-{digest.hexdigest()[:_SHOWN_DIGITS]}"

    def toolchain(self) -> Toolchain:
        """The paths callers use, whether or not anything is there yet."""
        versions = {part.tool: place.version for part, place in self.parts}
        bootstrap = self.view / ENVOY_BOOTSTRAP.destination
        extras = {extra.tool: place.path for extra, place in self.present_extras}
        folder = extras.get(KUBERNETES_PLUGIN.tool)
        plugin = folder and folder / KUBERNETES_PLUGIN_PROGRAM
        charts, gateway_api = self._with("charts/"), self._with("chart/")
        return Toolchain(
            self.view / "bin", charts, gateway_api, bootstrap, versions, plugin, istio_proxy=ISTIO_PROXY.tool in extras
        )

    def origins(self) -> dict[str, tuple[str, str]]:
        """Of each tool that is there how it came to be (`built`, `published` or `copied`), and its version."""
        return {
            part.tool: place.origin(COPIED if isinstance(part, WheelProgram) else BUILT)
            for part, place in (*self.parts, *self.present_extras)
        }

    def _with(self, folder: str) -> Path:
        """The folder that one of the recipes copies files into; a place where nothing is when none does."""
        places = (
            self._place(recipe).path / folder
            for recipe in self.recipes
            if any(file.destination.startswith(folder) for file in recipe.files)
        )
        return next(places, self.view / folder)

    def faults(self, *, thorough: bool = False) -> dict[str, list[str]]:
        """What is wrong, by tool; empty when everything can be used. See `Installation.faults`."""
        found = {part.tool: place.faults(thorough=thorough) for part, place in self.parts}
        # Before its parts are whole a view tells nothing new.
        if not any(found.values()):
            found["view"] = view_faults(self.view, self.contents)
        return {tool: faults for tool, faults in found.items() if faults}

    def _place(self, part: Recipe | WheelProgram | Extra) -> Installation:
        folder = self.cache.toolchain / f"{part.tool}-{part.key[:_SHOWN_DIGITS]}"
        return Installation(part.tool, part.version, folder)


def make_plan(cache: Cache | None = None) -> Plan:
    """The toolchain of this checkout on this machine: what is pinned, less what the machine has itself."""
    place = cache or locate_cache()
    pulumi = find_pulumi(place)
    built = (PULUMI, PULUMI_LANGUAGE_PYTHON) if pulumi is None else ()
    recipes = tuple(recipe for recipe in RECIPES if recipe in built or recipe not in (PULUMI, PULUMI_LANGUAGE_PYTHON))
    return Plan(place, recipes, find_programs(), pulumi, EXTRAS)


def further_plan(recipe: Recipe, cache: Cache | None = None) -> Plan:
    """Another release of a tool than the standard one: a plan of its own, with a folder of its own programs."""
    return Plan(cache or locate_cache(), (recipe,))


def container_plan(cache: Cache | None = None) -> Plan:
    """What clusters in containers need beside the toolchain; a folder of programs of its own."""
    return Plan(cache or locate_cache(), CONTAINER_RECIPES)
