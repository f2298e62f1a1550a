"""The chart of Karmada: brought where the engine finds it, and known to have the values that the fleet sets.

A package of a repository is kept below the project by its digest, so that what is installed is what was checked, and
the state names no place of one machine.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from meshfleet.components.tokens import KARMADA_CHARTS
from meshfleet.errors import DocumentError, FileError, ToolchainError
from meshfleet.errors.faults import Fault, TopologyError
from meshfleet.files import make_directory, read_bytes, read_text, write_file
from meshfleet.files.bounded_yaml import load_yaml
from meshfleet.manifests.karmada_control_plane import chart_of, values
from meshfleet.manifests.placeholders import Placeholders
from meshfleet.sources.chart_packages import LARGEST, package, require_digest
from meshfleet.topology import Fleet
from meshfleet.topology.federation import KarmadaChart
from meshfleet.topology.owned_karmada import FINGERPRINT
from meshfleet.workspace.home import program_folder
from meshfleet.workspace.project_folder import project_folder

_PATH: Final = "federation.karmada.chart"
_VALUES: Final = "values.yaml"
_LARGEST_VALUES: Final = 1024 * 1024
_FREE: Final = ("podAnnotations", "podLabels", "serviceAnnotations")
"""Values that are maps of the user's keys."""


def place_karmada_chart(topology: Fleet) -> None:
    """Bring the chart of a fleet that installs Karmada below the project, the first time from its repository.

    Raises TopologyError for a chart that cannot be had, has another digest, or lacks a value that the fleet sets.
    """
    chart = chart_of(topology)
    if chart is None:
        return
    try:
        text = values_of(_packed(chart)) if _is_package(chart) else _of_folder(chart)
        missing = _missing(_set_by_fleet(topology, chart), values_in(text))
    except (DocumentError, FileError, ToolchainError) as error:
        raise TopologyError([Fault(_PATH, f"{chart.title}: {error}")]) from None
    if missing:
        raise TopologyError(
            [
                Fault(
                    _PATH,
                    f"{chart.title}: has no value {missing[0]}, which the fleet sets; take the chart of Karmada v1.18",
                )
            ]
        )


def package_place(chart: KarmadaChart) -> str:
    """Where the package of a chart of a repository is, relative to the folder that the engine runs in."""
    return f"{KARMADA_CHARTS}-{(chart.digest or '').removeprefix('sha256:')[:16]}.tgz"


def _is_package(chart: KarmadaChart) -> bool:
    return chart.folder is None or not (project_folder().root / chart.folder).is_dir()


def _packed(chart: KarmadaChart) -> bytes:
    if chart.folder is None:
        content = package(chart)
        place = program_folder() / package_place(chart)
        make_directory(place.parent)
        write_file(place, content)
        return content
    found = read_bytes(project_folder().root / chart.folder, limit=LARGEST, follow=True)
    if found is None:
        raise FileError(f"there is no folder or package {chart.folder} in the project")
    require_digest(chart, found)
    return found


def _of_folder(chart: KarmadaChart) -> str:
    if chart.digest is not None:
        raise DocumentError("a folder has no digest; leave digest out, or name the package of the chart")
    text = read_text(project_folder().root / (chart.folder or "") / _VALUES, limit=_LARGEST_VALUES, follow=True)
    if text is None:
        raise FileError(f"has no {_VALUES}; name the folder of a chart")
    return text


def values_of(content: bytes) -> str:
    """The text of the values in the package of a chart, a file within its folder. Raises DocumentError for none."""
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
            for member in archive:
                parts = Path(member.name).parts
                if len(parts) == 2 and parts[1] == _VALUES and member.isfile() and member.size <= _LARGEST_VALUES:
                    found = archive.extractfile(member)
                    return found.read().decode() if found else ""
    except (tarfile.TarError, EOFError, OSError, UnicodeDecodeError):
        raise DocumentError("is no package of a chart; name one that `helm package` made") from None
    raise DocumentError(f"its package has no {_VALUES}")


def values_in(text: str) -> Any:
    """The values of a chart, of the text of its file. Raises DocumentError for what is no YAML."""
    return load_yaml(text, what=_VALUES)


def _set_by_fleet(topology: Fleet, chart: KarmadaChart) -> Mapping[str, Any]:
    return values(chart.model_copy(update={"values": {}}), Placeholders(topology))


def _missing(wanted: Mapping[str, Any], found: Any, path: str = "") -> list[str]:
    """The paths of values that a chart does not have."""
    absent: list[str] = []
    for key, value in wanted.items():
        place = f"{path}{key}"
        if not isinstance(found, Mapping) or key not in found:
            absent.append(place)
        elif isinstance(value, Mapping) and key not in _FREE and FINGERPRINT not in value:
            absent += _missing(value, found[key], f"{place}.")
    return absent
