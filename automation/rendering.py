"""`render`: everything each cluster gets, as YAML files in the order they are applied.

No engine, no cluster and no network take part, and the same stack file gives the same bytes.
"""

from __future__ import annotations

import shutil
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from automation.checkout import make_private
from manifests import Document, Release, fleet_plan
from topology import Fleet
from topology.errors import MeshfleetError


def render(fleet: Fleet) -> dict[str, str]:
    """File name, relative to the folder asked for, to content; in the order of the clusters and their stages."""
    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = False
    writer.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    writer.width = 110
    files: dict[str, str] = {}
    for cluster, plan in fleet_plan(fleet).items():
        for position, document in enumerate(plan):
            text = StringIO()
            writer.dump(content_of(document), text)
            files[f"{cluster}/{position:02d}-{document.stage}-{document.name}.yaml"] = text.getvalue()
    return files


def content_of(document: Document) -> dict[str, Any]:
    """What is written for a document: the object itself, or a release with its values."""
    body = document.body
    if not isinstance(body, Release):
        return body
    return {
        "release": body.name,
        "namespace": body.namespace,
        "chart": str(body.chart),
        "wait": body.wait,
        "values": body.values,
    }


def write(files: dict[str, str], folder: Path) -> None:
    """Write rendered files into `folder`, replacing what an earlier render wrote there and nothing else."""
    clusters = {name.partition("/")[0] for name in files}
    for existing in sorted(folder.iterdir()) if folder.is_dir() else []:
        if existing.is_dir() and not any(file.suffix != ".yaml" for file in existing.iterdir()):
            shutil.rmtree(existing)
        elif existing.name in clusters:
            raise MeshfleetError(f"{existing} was not written by render; choose another folder for --out")
    for name, text in files.items():
        make_private((folder / name).parent)
        (folder / name).write_text(text, encoding="utf-8")
