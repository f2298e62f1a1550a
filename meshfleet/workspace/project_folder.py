"""Which folder is the project: it holds stack files and local state, wherever the code is installed.

    1. `--project DIR`, or the variable MESHFLEET_PROJECT
    2. the nearest folder, from the current one upward, with a Pulumi.yaml of this project
    3. the current folder, where it has stack files (`stacks/` or `Pulumi.<stack>.yaml`) and no Pulumi.yaml
    4. the checkout that the code is in
    5. the current folder

Source: https://www.pulumi.com/docs/iac/concepts/projects/
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from meshfleet.errors import DocumentError, FileError
from meshfleet.errors.faults import Fault, TopologyError
from meshfleet.files import read_text
from meshfleet.files.duplicate_names import PROJECT
from meshfleet.redaction.shown import shown
from meshfleet.topology.stack_name import path_fault

CODE: Final = Path(__file__).resolve().parent.parent.parent
"""The folder that the package is in: a checkout, or the site-packages of an environment."""
IN_CHECKOUT: Final = (CODE / "scripts" / "bootstrap").is_file()
SETUP: Final = "scripts/bootstrap" if IN_CHECKOUT else "python -m meshfleet.toolchain"
"""The command that makes or repairs the toolchain."""
REINSTALL: Final = "run scripts/bootstrap" if IN_CHECKOUT else "reinstall the package meshfleet"
"""What repairs the Python environment."""
FILE: Final = "Pulumi.yaml"
OPTION: Final = "--project"
VARIABLE: Final = "MESHFLEET_PROJECT"
OWN_PROJECT: Final = "project"
"""The folder of a home that the engine runs in where the project has no Pulumi.yaml."""
STACK_FILES: Final = "Pulumi.?*.yaml"


@dataclass(frozen=True)
class ProjectFolder:
    """`declared` where the folder has a Pulumi.yaml of this project, which plain `pulumi` reads too.

    A user's own program with this package has a Pulumi.yaml of another name.
    """

    root: Path
    declared: bool

    def program(self, home: Path) -> Path:
        """The folder with the Pulumi.yaml that the engine runs in: the project, or one below its home."""
        return self.root if self.declared else home / OWN_PROJECT


def project_folder() -> ProjectFolder:
    """The project of this process, by the rules above; children get it in the variable.

    Raises TopologyError for a folder that is not there, and for a Pulumi.yaml that cannot be read or is another user's.
    """
    if given := os.environ.get(VARIABLE):
        return _given(given)
    here = _current()
    if here is not None:
        for folder in (here, *here.parents):
            if folder == CODE or _is_ours(folder / FILE):
                return ProjectFolder(folder, declared=(folder / FILE).is_file())
        if not (here / FILE).exists() and _has_stack_files(here):
            return ProjectFolder(here, declared=False)
    if (CODE / FILE).is_file():
        return ProjectFolder(CODE, declared=True)
    if here is None:
        raise TopologyError([Fault(OPTION, "the current folder is gone; change to one that exists")])
    return ProjectFolder(here, declared=False)


def _given(given: str) -> ProjectFolder:
    try:
        folder = Path(given).expanduser().resolve()
        is_folder = folder.is_dir()
    except (OSError, RuntimeError, ValueError) as error:
        raise TopologyError([Fault(OPTION, f"{shown(given)} cannot be resolved ({error})")]) from None
    fault = path_fault(folder)
    if not fault and not is_folder:
        fault = f"{folder} is not a directory; name the directory with the stack files"
    if fault:
        raise TopologyError([Fault(OPTION, fault)])
    if folder == CODE:
        return ProjectFolder(folder, declared=(folder / FILE).is_file())
    return ProjectFolder(folder, declared=_name(folder / FILE) == PROJECT)


def _current() -> Path | None:
    try:
        return Path.cwd()
    except OSError:
        return None


def _has_stack_files(folder: Path) -> bool:
    return any(any(place.glob(STACK_FILES)) for place in (folder, folder / "stacks"))


def _is_ours(file: Path) -> bool:
    """Whether a Pulumi.yaml is of this project. Raises TopologyError for one that another user wrote."""
    try:
        if not file.is_file() or _name(file) != PROJECT:
            return False
        owner = file.stat().st_uid
    except OSError:
        return False
    # With sudo the files belong to the user who called it: the rule of git's safe.directory.
    if str(owner) not in ("0", str(os.geteuid()), os.environ.get("SUDO_UID")):
        message = f"{file} belongs to another user (uid {owner}) and says which programs run; to trust it, "
        raise TopologyError([Fault(OPTION, f"{message}pass {OPTION} {file.parent}")])
    return True


def _name(file: Path) -> str | None:
    """The name that a Pulumi.yaml gives to its project; None where there is no such file. Raises TopologyError."""
    try:
        text = read_text(file, follow=True)
        return None if text is None else _name_in(text, str(file))
    except (FileError, DocumentError) as error:
        raise TopologyError([Fault(OPTION, f"{error}; fix the file, or name the project's directory")]) from None


@cache
def _name_in(text: str, what: str) -> str:
    # The parser is heavy, and a checkout's own file is known without one.
    from meshfleet.files.bounded_yaml import load_yaml

    content = load_yaml(text, what=what)
    return str(content.get("name") or "") if isinstance(content, Mapping) else ""
