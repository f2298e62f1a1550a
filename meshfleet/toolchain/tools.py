"""Where the programs of the embedded world are: etcd, the Kubernetes servers, kwok, istiod, Envoy and the rest."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from meshfleet.errors import ToolchainError
from meshfleet.workspace.project_folder import SETUP


def tool(name: str) -> Path:
    """The absolute path of one program.

    Looked for in the directory MESHFLEET_TOOLS names when it is set, else in the toolchain of this checkout.
    Raises ToolchainError naming the program, where it was looked for and what to do.
    """
    path = tools_directory() / name
    if not os.access(path, os.X_OK):
        raise ToolchainError(f"{path}: no such program; run {SETUP} to build the toolchain")
    return path


def shared_file(name: str) -> Path:
    """The absolute path of one file that programs read, such as `envoy_bootstrap.json`.

    It lies in `share` beside the directory of the programs. Raises ToolchainError naming the file, where it was
    looked for and what to do.
    """
    path = tools_directory().parent / "share" / name
    if not path.is_file():
        raise ToolchainError(f"{path}: no such file; run {SETUP} to build the toolchain")
    return path


def tools_directory() -> Path:
    """The directory that holds every program."""
    configured = os.environ.get("MESHFLEET_TOOLS", "")
    if configured:
        return Path(configured).resolve()
    return _built_tools()


@cache
def _built_tools() -> Path:
    from meshfleet.toolchain import make_plan

    # Building takes minutes and belongs to a command that shows how far it is.
    plan = make_plan()
    faults = plan.faults()
    if faults:
        name, reasons = next(iter(faults.items()))
        raise ToolchainError(f"{name}: {reasons[0]}; run {SETUP} to complete the toolchain")
    return plan.toolchain().bin


def link_tools(directory: Path, names: dict[str, str]) -> None:
    """Make symbolic links in `directory` (link name → tool name), so that what runs is known by where it
    lies.

    Raises ToolchainError when a tool is missing, EmbeddedError when the links cannot be made.
    """
    from meshfleet.files import file_error, make_directory

    make_directory(directory)
    for link_name, tool_name in names.items():
        target = tool(tool_name)
        link = directory / link_name
        try:
            if link.is_symlink() and link.readlink() == target:
                continue
            link.unlink(missing_ok=True)
            link.symlink_to(target)
        except OSError as error:
            raise file_error(link, error) from error
