"""The Kubernetes plugin of a checkout: the official one where it can be had, else this project's stand-in.

Source: https://www.pulumi.com/docs/iac/concepts/plugins/
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from automation.checkout import Checkout
from topology.files import make_directory

NAME = "pulumi-resource-kubernetes"
# Long enough for a download of 40 MB, short enough where nothing answers.
DOWNLOAD_SECONDS = 60
STAND_IN = "# Stands in for the official plugin, which could not be downloaded when this was written."
STAND_IN_SCRIPT = f"""#!/bin/sh
{STAND_IN}
# Remove this folder and run `meshfleet up` to try again.
shared=${{{{MESHFLEET_PLUGINS:-}}}}/kubernetes
if [ -S "$shared" ]; then
    exec {{python}} -I -S {{root}}/plugins/attach.py "$shared" "$0" "$@"
fi
PYTHONPATH={{root}} exec {{python}} -m plugins.kubernetes "$@"
"""


@dataclass(frozen=True)
class KubernetesPlugin:
    """`official` tells which one is installed; `notice` is the line to say when it is the stand-in, else empty."""

    folder: Path
    official: bool
    notice: str


def installed_version(distribution: str) -> str:
    """The version of a package of this environment. Raises ImportError where its metadata cannot be read."""
    # `version` passes over files that it may not open, and returns None in spite of its type.
    found: str | None = version(distribution)
    if not found:
        raise ImportError(name=distribution)
    return found


def install(checkout: Checkout, python: Path, variables: dict[str, str]) -> KubernetesPlugin:
    """The plugin in the checkout's PULUMI_HOME, installing one first when there is none.

    Looked for in this order: already installed; in the user's own PULUMI_HOME; downloaded by Pulumi, once and with
    a bound; the stand-in. `variables` is the environment Pulumi runs with.
    """
    wanted = f"resource-kubernetes-v{installed_version('pulumi-kubernetes')}"
    folder = make_directory(checkout.pulumi_home / "plugins") / wanted
    if not (folder / NAME).exists():
        _take_from_user(folder, wanted) or _download(folder, variables) or _stand_in(checkout, folder, python)
    elif _is_script(folder / NAME):
        # Written by another version of this, or by this one in another place.
        _stand_in(checkout, folder, python)
    official = not _is_script(folder / NAME)
    notice = (
        ""
        if official
        else "the official Kubernetes plugin cannot be downloaded here; this project's own stands in for it"
    )
    return KubernetesPlugin(folder, official, notice)


def _take_from_user(folder: Path, wanted: str) -> bool:
    homes = [Path(os.environ["PULUMI_HOME"])] if os.environ.get("PULUMI_HOME") else []
    homes.append(Path.home() / ".pulumi")
    for home in homes:
        theirs = home / "plugins" / wanted
        if (theirs / NAME).is_file() and theirs.resolve() != folder.resolve() and not _is_script(theirs / NAME):
            folder.symlink_to(theirs)
            return True
    return False


def _download(folder: Path, variables: dict[str, str]) -> bool:
    release = folder.name.rpartition("-")[2]
    pulumi = shutil.which("pulumi", path=variables["PATH"]) or "pulumi"
    try:
        subprocess.run(
            [pulumi, "plugin", "install", "resource", "kubernetes", release, "--non-interactive"],
            env=os.environ | variables,
            capture_output=True,
            check=True,
            timeout=DOWNLOAD_SECONDS,
        )
    except (OSError, subprocess.CalledProcessError, subprocess.TimeoutExpired):
        shutil.rmtree(folder, ignore_errors=True)
        return False
    return (folder / NAME).is_file()


def _stand_in(checkout: Checkout, folder: Path, python: Path) -> bool:
    make_directory(folder)
    script = folder / NAME
    text = STAND_IN_SCRIPT.format(root=_quoted(checkout.root), python=_quoted(python))
    if script.exists() and (STAND_IN not in (there := script.read_text(encoding="utf-8")) or there == text):
        return True
    temporary = folder / f".{NAME}.{os.getpid()}"
    temporary.write_text(text, encoding="utf-8")
    temporary.chmod(0o700)
    temporary.replace(script)
    return True


def _is_script(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"#!"


def _quoted(path: Path) -> str:
    # The only shell text that is ever made, of two paths of this checkout, quoted whole.
    return "'" + str(path).replace("'", "'\\''") + "'"
