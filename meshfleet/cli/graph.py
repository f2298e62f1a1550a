"""`graph`: the diagram of a declared fleet, with addresses and check results once it is deployed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from meshfleet.errors import FileError
from meshfleet.files import make_directory, read_record, write_file
from meshfleet.files.json_text import parse_json
from meshfleet.picture import draw
from meshfleet.picture.view import Running, from_fleet
from meshfleet.status import Status
from meshfleet.topology import Fleet

if TYPE_CHECKING:
    from meshfleet.verification import Report

VERDICTS = "verification.json"


def picture_of(topology: Fleet, status: Status | None, verdicts: Mapping[str, bool]) -> str:
    """The SVG of a fleet; `status` is None if it is not deployed."""
    known = None
    if status:
        known = Running(
            gateways={
                cluster.name: (cluster.gateway.address or "", cluster.gateway.port)
                for cluster in status.clusters
                if cluster.gateway
            },
            verified=verdicts,
            roots={mesh.name: mesh.root_not_after or "" for mesh in status.meshes},
        )
    return draw(from_fleet(topology, known))


def keep_verdicts(folder: Path, report: Report) -> None:
    """Save the result of the last verification for each cluster, for the diagram."""
    verdicts: dict[str, bool] = {}
    for result in report.results:
        verdicts[result.cluster] = verdicts.get(result.cluster, True) and result.ok
    make_directory(folder)
    write_file(folder / VERDICTS, json.dumps({"version": 1, "verdicts": verdicts}) + "\n")


def last_verdicts(folder: Path) -> dict[str, bool]:
    """The result of the last verification for each cluster; empty if there was none."""
    try:
        return read_record(folder / VERDICTS, _parse, "run meshfleet verify") or {}
    except FileError:
        # The diagram omits the results until the next verification writes them.
        return {}


def _parse(text: str) -> dict[str, bool]:
    content = parse_json(text)
    verdicts = content["verdicts"] if "version" in content else content
    return {str(cluster): bool(ok) for cluster, ok in verdicts.items()}
