"""The Kubernetes plugin of a checkout: the official one if available, else this project's replacement.

It is installed where Pulumi looks for it: a directory `resource-kubernetes-vX` without a `.partial` file next to it,
with the executable or a link to it inside (GetPluginsFromDir and tryPlugin in sdk/go/common/workspace/plugins.go of
pulumi/pulumi). `pulumi plugin ls` confirms the installation once, and again after a change.
Source: https://www.pulumi.com/docs/iac/concepts/plugins/
"""

from __future__ import annotations

import json
import os
import shutil
import stat
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final, Protocol

from meshfleet.automation.checkout import Checkout
from meshfleet.errors import EngineError, ProcessError
from meshfleet.files import file_error, make_directory, read_text, remove_file, write_file, write_link
from meshfleet.files.json_text import parse_json
from meshfleet.processes.bounded_run import run_bounded
from meshfleet.processes.child_environment import engine_environment
from meshfleet.versions import PUBLISHED_KUBERNETES_PLUGIN
from meshfleet.workspace.project_folder import CODE

NAME = "pulumi-resource-kubernetes"
LIST_SECONDS: Final = 60
STAND_IN = "# Stands in for the official plugin, which could not be downloaded when this was written."
STAND_IN_SCRIPT = f"""#!/bin/sh
{STAND_IN}
# Remove this folder and run `meshfleet up` to try again.
shared=${{{{MESHFLEET_PLUGINS:-}}}}/kubernetes
if [ -S "$shared" ]; then
    exec {{python}} -I -S {{root}}/meshfleet/plugins/attach.py "$shared" "$0" "$@"
fi
PYTHONPATH={{root}} exec {{python}} -m meshfleet.plugins.kubernetes "$@"
"""


@dataclass(frozen=True)
class KubernetesPlugin:
    """`official` if the official plugin is installed; else `notice` is a line to print."""

    folder: Path
    official: bool
    notice: str


def installed_version(distribution: str) -> str:
    """The version of a package in this environment. Raises ImportError if its metadata cannot be read."""
    # `version` skips unreadable files and then returns None, despite its annotation.
    found: str | None = version(distribution)
    if not found:
        raise ImportError(name=distribution)
    return found


class Published(Protocol):
    """The toolchain's plugin, as its publisher releases it; None without one. See `Toolchain.kubernetes_plugin`."""

    def __call__(self, *, fetch: bool) -> Path | None:
        """With `fetch` it is downloaded where it is missing."""


def _none(*, fetch: bool) -> Path | None:
    del fetch
    return None


def install(
    checkout: Checkout, python: Path, variables: dict[str, str], published: Published = _none
) -> KubernetesPlugin:
    """The plugin in the checkout's PULUMI_HOME, installed first if Pulumi would find none.

    In this order: on PATH, where Pulumi prefers it; already installed; in the user's own PULUMI_HOME; `published`,
    which is downloaded once; the replacement, until there is the official one. `variables` is Pulumi's environment.
    Raises `EngineError` when Pulumi does not list the installed plugin, `FileError`, and `ToolchainError` when a
    downloaded one is refused.
    """
    if on_path := shutil.which(NAME, path=variables["PATH"]):
        return KubernetesPlugin(Path(on_path).parent, official=True, notice="")
    wanted = f"resource-kubernetes-v{installed_version('pulumi-kubernetes')}"
    folder = make_directory(checkout.pulumi_home / "plugins") / wanted
    _make_visible(folder)
    program = folder / NAME
    if not _is_program(program):
        _take(folder, wanted, published, fetch=True) or _stand_in(checkout, folder, python)
    elif _is_script(program) and not _take(folder, wanted, published, fetch=False):
        # Written by another version of meshfleet, or for another installation path.
        _stand_in(checkout, folder, python)
    _confirm(folder, variables)
    official = not _is_script(program)
    notice = (
        ""
        if official
        else "the official Kubernetes plugin cannot be downloaded here; using meshfleet's own Kubernetes plugin"
    )
    return KubernetesPlugin(folder, official, notice)


def _make_visible(folder: Path) -> None:
    """Remove what hides the directory from Pulumi: a link or file in its place, or an incomplete download."""
    partial = folder.with_name(f"{folder.name}.partial")
    try:
        mode = _mode(folder)
        if mode and not stat.S_ISDIR(mode):
            # Earlier versions created links to directories, which Pulumi ignores.
            folder.unlink()
        elif mode and mode & 0o700 != 0o700:
            folder.chmod(0o700)
        if _mode(partial):
            shutil.rmtree(folder, ignore_errors=True)
            partial.unlink()
    except OSError as error:
        raise file_error(folder, error) from error


def _take(folder: Path, wanted: str, published: Published, *, fetch: bool) -> bool:
    """Link the official one that the user or the toolchain has."""
    if _take_from_user(folder, wanted):
        return True
    # An environment of the user's own may have another release of pulumi-kubernetes.
    if wanted.rpartition("-")[2] != PUBLISHED_KUBERNETES_PLUGIN:
        return False
    program = published(fetch=fetch)
    if program is None or not _is_program(program):
        return False
    _link(folder, program)
    return True


def _take_from_user(folder: Path, wanted: str) -> bool:
    homes = [Path(os.environ["PULUMI_HOME"])] if os.environ.get("PULUMI_HOME") else []
    homes.append(Path.home() / ".pulumi")
    for home in homes:
        theirs = home / "plugins" / wanted
        program = theirs / NAME
        if (
            _is_program(program)
            and not _is_script(program)
            and not theirs.with_name(f"{wanted}.partial").exists()
            and theirs.resolve() != folder.resolve()
        ):
            _link(folder, program.resolve())
            return True
    return False


def _link(folder: Path, program: Path) -> None:
    """Link the file in a real directory: Pulumi follows links to files, but not to directories."""
    make_directory(folder)
    write_link(folder / NAME, program)


def _stand_in(checkout: Checkout, folder: Path, python: Path) -> bool:
    make_directory(folder)
    script = folder / NAME
    text = STAND_IN_SCRIPT.format(root=_quoted(CODE), python=_quoted(python))
    if script.is_symlink():
        remove_file(script)
    present = read_text(script)
    if present == text or (present is not None and present.startswith("#!") and STAND_IN not in present):
        return True
    write_file(script, text, mode=0o700)
    return True


def _confirm(folder: Path, variables: dict[str, str]) -> None:
    """Check that Pulumi lists the plugin, unless it did and the files are unchanged."""
    record = folder.with_name(f".{folder.name}.seen")
    mark = json.dumps(_mark(folder))
    if read_text(record) == mark:
        return
    try:
        listed = parse_json(_pulumi(variables, LIST_SECONDS, "plugin", "ls", "--json"))
        seen = {f"{entry['kind']}-{entry['name']}-v{entry['version']}" for entry in listed}
    except (ProcessError, ValueError, KeyError, TypeError):
        # Pulumi does not run or prints another format; the next command that uses it reports the error.
        return
    if folder.name not in seen:
        raise EngineError(
            f"{folder}: installed, but Pulumi does not list it among its plugins "
            f"({', '.join(sorted(seen)) or 'none listed'}); remove that directory and run the same command again"
        )
    write_file(record, mark)


def _mark(folder: Path) -> list[list[int]]:
    """A fingerprint of the files that Pulumi reads."""
    found = []
    for path in (folder, folder / NAME):
        status = path.stat()
        found.append([status.st_dev, status.st_ino, status.st_mtime_ns, status.st_mode, status.st_size])
    return found


def _pulumi(variables: dict[str, str], seconds: float, *arguments: str) -> str:
    """Run Pulumi; its standard output. Raises ProcessError."""
    pulumi = shutil.which("pulumi", path=variables["PATH"]) or "pulumi"
    ended = run_bounded(
        [pulumi, *arguments, "--non-interactive"],
        seconds=seconds,
        environment=engine_environment(variables),
        # In a directory without a project, whose plugins would be listed too.
        directory=Path(variables["PULUMI_HOME"]),
    )
    if ended.code != 0:
        raise ProcessError(f"pulumi {' '.join(arguments)} exited with code {ended.code}")
    return ended.out


def _mode(path: Path) -> int:
    try:
        return path.lstat().st_mode
    except FileNotFoundError:
        return 0


def _is_program(path: Path) -> bool:
    """Whether Pulumi could start it: a non-empty executable file, possibly a link."""
    try:
        status = path.stat()
    except OSError:
        return False
    return stat.S_ISREG(status.st_mode) and status.st_size > 0 and os.access(path, os.X_OK)


def _is_script(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"#!"


def _quoted(path: Path) -> str:
    # The only generated shell code: two quoted paths of this checkout.
    return "'" + str(path).replace("'", "'\\''") + "'"
