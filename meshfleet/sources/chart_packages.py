"""Charts of repositories: downloaded once into the cache of the user, and known by their digest.

Source: https://helm.sh/docs/helm/helm_pull/
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from meshfleet.errors import DocumentError
from meshfleet.files import make_directory, read_bytes, write_file
from meshfleet.processes.child_environment import download_environment
from meshfleet.sources.renderers import private_folder, run_renderer
from meshfleet.topology.propagation.sources import PackagedChart
from meshfleet.workspace.cache import locate_cache

LARGEST: Final = 16 * 1024 * 1024
"""Bytes of a package."""
_SECONDS: Final = 120.0


def package(chart: PackagedChart) -> bytes:
    """The package of a chart of a repository, from the cache or, the first time, from there.

    Raises DocumentError for one that cannot be had or has another digest, FileError for a cache that cannot be used,
    and ToolchainError without helm.
    """
    path = cached(chart)
    content = read_bytes(path, limit=LARGEST)
    if content is None:
        content = _downloaded(chart)
        # Of what is not the declared one nothing is kept.
        require_digest(chart, content)
        make_directory(path.parent)
        write_file(path, content)
        return content
    require_digest(chart, content, f", or remove {path} to download it again")
    return content


def cached(chart: PackagedChart) -> Path:
    """Where the package is kept."""
    key = hashlib.sha256(
        "\0".join((chart.repository or "", chart.name or "", chart.version or "")).encode()
    ).hexdigest()
    return locate_cache().root / "charts" / f"{chart.name}-{key[:16]}.tgz"


def require_digest(chart: PackagedChart, content: bytes, otherwise: str = "") -> None:
    """Raises DocumentError for a package that has another digest than the declared one."""
    found = f"sha256:{hashlib.sha256(content).hexdigest()}"
    if chart.digest is not None and chart.digest != found:
        raise DocumentError(
            f"the package of {chart.title} has the digest {found}, not {chart.digest}; correct the digest if this "
            f"package is the one you want{otherwise}"
        )


def _downloaded(chart: PackagedChart) -> bytes:
    repository, name, version = chart.repository or "", chart.name or "", chart.version or ""
    of_registry = repository.startswith("oci://")
    named = [f"{repository.rstrip('/')}/{name}"] if of_registry else [name, "--repo", repository]
    with private_folder() as folder:
        target = make_directory(folder / "package")
        arguments = ["pull", *named, "--version", version, "--destination", str(target)]
        run_renderer("helm", arguments, folder, environment=download_environment(), seconds=_SECONDS)
        found = sorted(target.iterdir())
        if len(found) != 1 or (content := read_bytes(found[0], limit=LARGEST)) is None:
            raise DocumentError(f"helm pull brought no package of {chart.title}; check the repository")
    return content
