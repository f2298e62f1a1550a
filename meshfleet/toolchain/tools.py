"""Where the programs of the embedded world are: etcd, the Kubernetes servers, kwok, istiod, Envoy and the rest."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from meshfleet.errors import ToolchainError
from meshfleet.workspace.project_folder import SETUP


def tool(name: str, release: str = "") -> Path:
    """The absolute path of one program; of another release of Kubernetes or Istio than the standard one if given.

    Looked for in the directory MESHFLEET_TOOLS names when it is set, else in the toolchain of this checkout; other
    releases are always the toolchain's. Raises ToolchainError naming the program, where it was looked for and what to
    do.
    """
    path = _folder(name, release) / "bin" / name
    if not os.access(path, os.X_OK):
        raise ToolchainError(f"{path}: no such program; run {SETUP} to build the toolchain")
    return path


def shared_file(name: str, release: str = "") -> Path:
    """The absolute path of one file that programs read, such as `envoy_bootstrap.json`; `release` as in `tool`.

    It lies in `share` beside the directory of the programs. Raises ToolchainError naming the file, where it was
    looked for and what to do.
    """
    path = _folder(name, release) / "share" / name
    if not path.is_file():
        raise ToolchainError(f"{path}: no such file; run {SETUP} to build the toolchain")
    return path


def _folder(name: str, release: str) -> Path:
    """What has `bin` and `share` with a program or file in them."""
    from meshfleet.toolchain.recipes import ON_DEMAND, further_recipe

    recipe = further_recipe(name, release) if release else None
    recipe = next((one for one in ON_DEMAND.values() if name in one.installed), recipe)
    if recipe is None:
        return tools_directory().parent
    return _built(recipe.tool)


def tools_directory() -> Path:
    """The directory that holds every program, in its standard release."""
    configured = os.environ.get("MESHFLEET_TOOLS", "")
    if configured:
        return Path(configured).resolve()
    return _built("") / "bin"


@cache
def _built(further: str) -> Path:
    """The folder of the standard toolchain or of a further tool, which must be whole."""
    from meshfleet.toolchain import further_plan, make_plan
    from meshfleet.toolchain.recipes import ADDED

    # Building takes minutes and belongs to a command that shows how far it is.
    plan = further_plan(ADDED[further]) if further else make_plan()
    faults = plan.faults()
    if faults:
        name, reasons = next(iter(faults.items()))
        advice = f"{SETUP} --with {further}" if further else SETUP
        raise ToolchainError(f"{name}: {reasons[0]}; run {advice} to complete the toolchain")
    return plan.view


def link_tools(directory: Path, names: dict[str, str], release: str = "") -> None:
    """Make symbolic links in `directory` (link name → tool name), so that what runs is known by where it
    lies; `release` as in `tool`.

    Raises ToolchainError when a tool is missing, EmbeddedError when the links cannot be made.
    """
    from meshfleet.files import make_directory, write_link

    make_directory(directory)
    for link_name, tool_name in names.items():
        write_link(directory / link_name, tool(tool_name, release))
