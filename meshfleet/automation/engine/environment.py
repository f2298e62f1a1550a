"""The environment of Pulumi: tools on PATH, home, backend, passphrase, plugins and charts.

Environment variables of the user take precedence, so that the same command works with a shared backend.
"""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import quote

from meshfleet import toolchain
from meshfleet.automation.checkout import Checkout
from meshfleet.automation.engine import kubernetes_plugin
from meshfleet.automation.engine.own_project import declare_project
from meshfleet.automation.state.shared_backend import has_passphrase, is_local
from meshfleet.components.tokens import (
    BUILT_CHARTS,
    CERT_MANAGER_CHART,
    CERT_MANAGER_PODS_CHART,
    GATEWAY_API_CHART,
    built_charts,
)
from meshfleet.errors import EngineError
from meshfleet.files import make_directory, read_text, write_file, write_link
from meshfleet.toolchain.progress import progress_for
from meshfleet.toolchain.recipes import CERT_MANAGER, CERT_MANAGER_PODS, Recipe, further_recipe
from meshfleet.topology import Fleet
from meshfleet.versions import BUILT_ISTIO, further_istio
from meshfleet.workspace.marker import claim_home


@dataclass(frozen=True)
class Environment:
    """A checkout that is ready to run Pulumi. `variables` are added to the process environment."""

    checkout: Checkout
    variables: Mapping[str, str]
    tools: Path
    notice: str

    @property
    def local_backend(self) -> bool:
        """Whether the state is in this checkout, so that its locks can be read."""
        return is_local(self.checkout, self.variables["PULUMI_BACKEND_URL"])

    @property
    def stand_in(self) -> bool:
        """Whether this project's Kubernetes plugin replaces the official one, which `notice` then reports."""
        return bool(self.notice)


def prepare(checkout: Checkout, fleet: Fleet | None = None) -> Environment:
    """Prepare the environment, with the releases that a fleet names; fast if it exists already.

    Raises `ToolchainError` when a tool is not available.
    """
    tools = toolchain.ensure(progress_for(sys.stderr))
    for recipe in further_recipes(fleet) if fleet else ():
        toolchain.ensure(progress_for(sys.stderr), plan=toolchain.further_plan(recipe))
    claim_home(checkout.home)
    make_directory(checkout.state)
    python = Path(sys.executable)
    variables = {
        "PATH": os.pathsep.join([str(python.parent), str(tools.bin), os.environ.get("PATH", "")]),
        "PULUMI_HOME": str(make_directory(checkout.pulumi_home)),
        "PULUMI_BACKEND_URL": os.environ.get("PULUMI_BACKEND_URL") or local_backend_of(checkout),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "MESHFLEET_HOME": str(checkout.home),
        "MESHFLEET_PROJECT": str(checkout.root),
        "MESHFLEET_TOOLS": str(tools.bin),
        "MESHFLEET_PYTHON": str(python),
        # The discovery caches of helm, kubectl and istioctl are removed with the fleet.
        "KUBECACHEDIR": os.environ.get("KUBECACHEDIR") or str(checkout.home / "kubectl"),
    }
    # This process runs istioctl itself.
    os.environ["KUBECACHEDIR"] = variables["KUBECACHEDIR"]
    # The passphrase of this home is only used for the local backend.
    if not has_passphrase() and is_local(checkout, variables["PULUMI_BACKEND_URL"]):
        variables["PULUMI_CONFIG_PASSPHRASE_FILE"] = str(_passphrase(checkout))
    if not checkout.declared:
        declare_project(checkout.program)
    # Also in the project directory, for a user's own Pulumi program that uses this package.
    for folder in dict.fromkeys((checkout.program, checkout.root)):
        _link(folder / BUILT_CHARTS, tools.charts)
        for release, charts in _further_charts().items():
            _link(folder / built_charts(release), charts)
        _link(folder / GATEWAY_API_CHART, tools.gateway_api)
        for link, recipe in ((CERT_MANAGER_CHART, CERT_MANAGER), (CERT_MANAGER_PODS_CHART, CERT_MANAGER_PODS)):
            if (chart := toolchain.further_plan(recipe).toolchain().gateway_api).is_dir():
                _link(folder / link, chart)
    plugin = kubernetes_plugin.install(checkout, python, variables, partial(_published_plugin, tools))
    return Environment(checkout, variables, tools.bin, plugin.notice)


def _published_plugin(tools: toolchain.Toolchain, *, fetch: bool) -> Path | None:
    return tools.kubernetes_plugin or (toolchain.take_kubernetes_plugin(progress_for(sys.stderr)) if fetch else None)


def further_recipes(fleet: Fleet) -> tuple[Recipe, ...]:
    """What is built for a fleet beyond the standard toolchain: releases of its control planes here, cert-manager."""
    clusters, istio = fleet.clusters.values(), fleet.istio
    wanted: list[tuple[str, str]] = []
    if any(cluster.local for cluster in clusters):
        wanted.append(("kube-apiserver", fleet.kubernetes.version))
    if any(cluster.capabilities.istiod_runtime == "process" for cluster in clusters):
        wanted += (("pilot-discovery", istio.version_of(revision)) for revision in istio.installed)
    found = [further_recipe(program, release) for program, release in wanted]
    if any(map(fleet.runs_cert_manager, fleet.clusters)):
        found.append(CERT_MANAGER)
    return tuple({recipe.tool: recipe for recipe in found if recipe}.values())


def _further_charts() -> dict[str, Path]:
    """Release of Istio → its charts, of those beyond the standard one that are built."""
    recipes = {release: further_recipe("pilot-discovery", release) for release in BUILT_ISTIO if further_istio(release)}
    charts = {name: toolchain.further_plan(recipe).toolchain().charts for name, recipe in recipes.items() if recipe}
    return {release: folder for release, folder in charts.items() if folder.is_dir()}


def local_backend_of(checkout: Checkout) -> str:
    """The URL of the backend whose state is in a checkout.

    Without `metadata=skip` each write truncates and rewrites an attributes file: a concurrent read, or a read after a
    kill at that moment, fails with EOF (setAttrs in blob/fileblob/attrs.go of gocloud.dev).
    """
    return f"file://{quote(str(checkout.state))}?metadata=skip"


def _passphrase(checkout: Checkout) -> Path:
    present = read_text(checkout.passphrase)
    if present is None or not present.strip("\0 \n"):
        if any(checkout.state.glob(".pulumi/stacks/*/*.json")):
            raise EngineError(
                f"{checkout.passphrase} is {'missing' if present is None else 'empty'}, and the stacks of this project "
                "cannot be read without it; restore it, or set PULUMI_CONFIG_PASSPHRASE; to abandon the fleets remove "
                f"{checkout.state / '.pulumi'} and run scripts/down, which removes their processes and files"
            )
        write_file(checkout.passphrase, secrets.token_urlsafe(32))
    return checkout.passphrase


def _link(link: Path, charts: Path) -> None:
    make_directory(link.parent)
    write_link(link, charts)
