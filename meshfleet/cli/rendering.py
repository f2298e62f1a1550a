"""`render`: the manifests and Helm values of each cluster, as YAML files in apply order.

It uses no engine, cluster or network, and the same stack file gives identical bytes.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from meshfleet.errors import FileError, MeshfleetError
from meshfleet.files import make_directory, write_file
from meshfleet.manifests import Stage, cluster_plan
from meshfleet.manifests.objects import written
from meshfleet.manifests.yaml_text import yaml_text
from meshfleet.topology import Fleet

RENDERED = re.compile(rf"[0-9]{{2,}}-({'|'.join(Stage)})-[a-z0-9-]+\.yaml")


def render(fleet: Fleet) -> dict[str, str]:
    """File name, relative to the output directory, to content; in the order of the clusters and their stages."""
    files: dict[str, str] = {}
    for cluster in fleet.clusters:
        plan = cluster_plan(fleet, cluster)
        # Padded to the width of the last position, so that file names sort in the order of the plan.
        digits = max(2, len(str(len(plan) - 1)))
        for position, document in enumerate(plan):
            name = f"{cluster}/{position:0{digits}d}-{document.stage}-{document.name}.yaml"
            files[name] = yaml_text(written(document.body))
    return files


def write(files: dict[str, str], folder: Path) -> None:
    """Write rendered files into `folder`, replacing only the files of an earlier render.

    Raises `MeshfleetError`, before any change, if another file or directory has the name of a cluster.
    """
    clusters = {name.partition("/")[0] for name in files}
    earlier = [found for found in _entries(folder) if _was_rendered(found)]
    for found in _entries(folder):
        if found.name in clusters and found not in earlier:
            raise MeshfleetError(f"{found} was not written by render; choose another directory for --out")
    try:
        for rendered in earlier:
            shutil.rmtree(rendered)
        for cluster in clusters:
            make_directory(folder / cluster)
        for name, text in files.items():
            write_file(folder / name, text)
    except FileError as error:
        raise MeshfleetError(f"{error}, or choose another directory for --out") from error
    except OSError as error:
        raise MeshfleetError(f"{error.filename}: {error.strerror}; choose another directory for --out") from error


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _was_rendered(found: Path) -> bool:
    """Whether this directory was written by `render`, as opposed to a user's own directory of YAML files."""
    if found.is_symlink() or not found.is_dir():
        return False
    files = list(found.iterdir())
    return bool(files) and all(RENDERED.fullmatch(file.name) and file.is_file() for file in files)
