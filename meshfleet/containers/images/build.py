"""Makes the images that are missing, one step after the other, and says how far it is."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar

from meshfleet.containers.capabilities import lacks_resource_capability
from meshfleet.containers.engine import Engine, find_engine
from meshfleet.containers.images import Images, base_inputs, find_images
from meshfleet.containers.images.archive import write_archive
from meshfleet.containers.images.base_root import make_base_root, without_resource_capability
from meshfleet.containers.images.component import components
from meshfleet.containers.images.node_root import fill_node_root
from meshfleet.containers.packages import ENGINE, NETWORK, require_programs, unpacked
from meshfleet.containers.place import Place
from meshfleet.containers.programs import run_program
from meshfleet.containers.remains import remove_root
from meshfleet.errors import ContainersError
from meshfleet.files import make_directory
from meshfleet.toolchain import container_plan, ensure, make_plan
from meshfleet.toolchain.failures import disk_explained
from meshfleet.toolchain.lock import only_builder
from meshfleet.toolchain.progress import Progress
from meshfleet.toolchain.recipes import go_platform
from meshfleet.toolchain.space import free_bytes
from meshfleet.workspace.cache import Cache, locate_cache

T = TypeVar("T")

NEEDED_GIGABYTES: Final = 8
_GIGABYTE: Final = 10**9
_IMPORT_SECONDS: Final = 900.0
_ENTRYPOINT: Final = 'ENTRYPOINT ["/usr/local/bin/entrypoint", "/sbin/init"]'
# https://systemd.io/CONTAINER_INTERFACE/
_ENVIRONMENT: Final = "ENV container=docker"


def build_images(progress: Progress, cache: Cache | None = None) -> Images:
    """Have every image that this checkout makes, and the engine that runs them; what is there is kept.

    Raises ContainersError or ToolchainError, with what to do. After an interruption the next run repeats one step.
    """
    place_of_cache = cache or locate_cache()
    images = find_images(place_of_cache)
    try:
        with disk_explained(images.place.root):
            if not images.missing():
                progress.end("node image", images.node.rpartition(":")[2], "made already")
                return images
            _require_machine(images.place)
            make_directory(images.place.root)
            with only_builder(images.place.root / ".lock", progress):
                # Another run may have made them while this one waited.
                if images.missing():
                    _build(images, place_of_cache, progress)
            return images
    finally:
        progress.close()


def _build(images: Images, cache: Cache, progress: Progress) -> None:
    ensure(progress, plan=container_plan(cache))
    ensure(progress, plan=make_plan(cache))
    place = images.place
    _clear(place)
    packages = _step(progress, "Debian packages", "", lambda: unpacked(ENGINE, place.packages))
    network = _step(progress, "network root", "", lambda: unpacked(NETWORK, place.packages, merged=True))
    base = place.images / f"base-{base_inputs(cache)[:12]}"
    if not base.is_dir():
        kind_files = next(part.path for recipe, part in container_plan(cache).parts if recipe.tool == "kind") / "node"
        _step(progress, "base root", "", lambda: _make_base(base, packages, kind_files))
    staging = make_directory(place.images / f".build-{os.getpid()}")
    try:
        archive = staging / "images.tar"
        programs, versions = _programs(cache)
        _step(progress, "component images", "", lambda: _write_archive(archive, programs, network, versions))
        root = staging / "root"
        _step(progress, "node root", images.kubernetes, lambda: _make_root(root, base, programs, images, archive))
        _step(progress, "node image", images.node.rpartition(":")[2], lambda: _import(images, root, find_engine(cache)))
    finally:
        remove_root(staging)
    for old in place.images.glob("base-*"):
        if old != base:
            remove_root(old)


def _require_machine(place: Place) -> None:
    if os.geteuid() != 0:
        raise ContainersError("making a root for nodes needs root; run this command with sudo, or as root")
    place.require_short()
    require_programs()
    free = free_bytes(place.root)
    if free < NEEDED_GIGABYTES * _GIGABYTE:
        raise ContainersError(
            f"images take about {NEEDED_GIGABYTES} GB while they are made and 3 GB afterwards, and "
            f"{free / _GIGABYTE:.1f} GB are free where {place.root} is; free some, or set MESHFLEET_CACHE to a folder "
            "on a larger disk"
        )


def _step(progress: Progress, what: str, version: str, act: Callable[[], T]) -> T:
    since = time.monotonic()
    progress.begin(what, version, "making")
    try:
        made = act()
    except BaseException:
        progress.end(what, version, "failed")
        raise
    progress.end(what, version, f"made in {time.monotonic() - since:.0f} s")
    return made


def _clear(place: Place) -> None:
    """Remove what a run that was killed left half made; the holder of the lock is the only one."""
    for folder in (place.images, place.packages):
        for left in folder.glob(".*-*"):
            remove_root(left)


def _make_base(base: Path, packages: Path, kind_files: Path) -> None:
    staging = make_directory(base.parent) / f".{base.name}-{os.getpid()}"
    make_base_root(staging, packages, kind_files)
    staging.rename(base)


def _programs(cache: Cache) -> tuple[Mapping[str, Path], Mapping[str, str]]:
    plans = (make_plan(cache), container_plan(cache))
    programs = {name: path for plan in plans for name, path in plan.programs.items()}
    programs["envoy_bootstrap.json"] = plans[0].toolchain().envoy_bootstrap
    return programs, {tool: version for plan in plans for tool, version in plan.toolchain().versions.items()}


def _write_archive(archive: Path, programs: Mapping[str, Path], network: Path, versions: Mapping[str, str]) -> None:
    found = components(programs, network, versions)
    with archive.open("wb") as file:
        contents = {one.name: one.content for one in found}
        write_archive(contents, file, staging=archive.parent, architecture=go_platform()[1])


def _make_root(root: Path, base: Path, programs: Mapping[str, Path], images: Images, archive: Path) -> None:
    run_program(["cp", "--archive", str(base), str(root)], seconds=_IMPORT_SECONDS)
    if lacks_resource_capability():
        without_resource_capability(root)
    fill_node_root(root, programs, images.kubernetes, archive)


def _import(images: Images, root: Path, engine: Engine) -> None:
    """Hand the root to the engine, which is started for it if need be and then stopped if it has no containers."""
    with engine.in_use():
        images.remember(_imported(images, root, engine))
        for old in images.superseded():
            # One that a node was made from is refused, and stays until a later time.
            with suppress(ContainersError):
                engine.run("rmi", old, seconds=_IMPORT_SECONDS)
                images.forget(old)
    engine.stop_if_unused()


def _imported(images: Images, root: Path, engine: Engine) -> str:
    """The identifier of the image that the root has become in the engine."""
    archive = root.with_name(f"{root.name}.tar")
    packing = ["tar", "--create", "--numeric-owner", "--xattrs", "--directory", str(root), "--file", str(archive), "."]
    changes = ("--change", _ENTRYPOINT, "--change", _ENVIRONMENT)
    try:
        run_program(packing, seconds=_IMPORT_SECONDS)
        return engine.run("import", *changes, str(archive), images.node, seconds=_IMPORT_SECONDS).out.strip()
    finally:
        archive.unlink(missing_ok=True)
