"""Makes what a plan lacks, as published where publishers respond and built elsewhere, under one lock.

It leaves nothing but the products.
"""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path

from meshfleet.errors import ToolchainError
from meshfleet.toolchain.compiler import Compiler
from meshfleet.toolchain.extras import Extra
from meshfleet.toolchain.failures import disk_explained
from meshfleet.toolchain.go_command import find_go
from meshfleet.toolchain.installation import COPIED, Installation
from meshfleet.toolchain.leftovers import clear_leftovers, remove_tree
from meshfleet.toolchain.lock import only_builder
from meshfleet.toolchain.plan import Plan
from meshfleet.toolchain.progress import Progress
from meshfleet.toolchain.published.installing import Publishing, install_published, is_published
from meshfleet.toolchain.recipes import Recipe
from meshfleet.toolchain.space import require_space
from meshfleet.toolchain.view import publish_view
from meshfleet.toolchain.wheel_programs import WheelProgram

# Go compiles on every processor by itself; a second build fills the time that linking leaves idle.
_AT_ONCE = 2

Missing = list[tuple[Recipe, Installation]]


def build_missing(
    plan: Plan, progress: Progress, *, thorough: bool = False, publishing: Publishing | None = None
) -> None:
    """Make everything in `plan` usable; what is there and whole is kept.

    With `publishing` published programs come from there, else from where the environment says.

    Raises ToolchainError when that cannot be done; whatever was compiled until then is used by the next run.
    """
    with _only_one(plan, progress):
        missing: Missing = []
        for part, place in plan.parts:
            faults = place.faults(thorough=thorough)
            if not faults:
                progress.end(part.tool, part.version, "cached")
                continue
            if place.path.exists():
                progress.note(f"{part.tool} in the cache is damaged ({faults[0]}): making it again")
            if isinstance(part, WheelProgram):
                _copy(part, place, progress)
            else:
                missing.append((part, place))
        if missing:
            # What only publishers have comes with the rest, and is no reason by itself to look for it.
            extras = [(extra, place) for extra, place in plan.extra_parts if place.faults(thorough=thorough)]
            versions = {part.tool: part.version for part, _ in plan.parts}
            wanted: list[tuple[Recipe | Extra, Installation]] = [*missing, *extras]
            taken = install_published(publishing or Publishing(), plan.cache, wanted, versions, progress)
            missing = [(part, place) for part, place in missing if part.tool not in taken]
        if missing:
            _build_all(plan, missing, progress)
        # Before the view, which is what tells the next run that nothing is left to do.
        _clean(plan, progress)
        publish_view(plan.view, plan.contents, linked=plan.pulumi)


def take_extra(plan: Plan, extra: Extra, progress: Progress, publishing: Publishing) -> None:
    """Take one extra of the plan as published, where its publisher responds. Raises ToolchainError."""
    # Asked before: another run may be building for half an hour what this one does not need.
    if not is_published(publishing, plan.cache, _damaged(plan, extra)):
        return
    with _only_one(plan, progress):
        install_published(publishing, plan.cache, _damaged(plan, extra), {}, progress)
        remove_tree(plan.cache.downloads)


def _damaged(plan: Plan, extra: Extra) -> list[tuple[Extra, Installation]]:
    """The extra with its place, unless it is there."""
    return [(one, place) for one, place in plan.extra_parts if one == extra and place.faults()]


@contextmanager
def _only_one(plan: Plan, progress: Progress) -> Iterator[None]:
    """Nothing else is made meanwhile; what another run has left is cleared first. Raises ToolchainError."""
    try:
        with disk_explained(plan.cache.root), only_builder(plan.cache.toolchain / ".lock", progress):
            for pid in clear_leftovers(plan.cache.toolchain):
                progress.note(f"ended process {pid}, a build that an interrupted run had left")
            yield
    finally:
        progress.close()


def _build_all(plan: Plan, missing: Missing, progress: Progress) -> None:
    go = find_go(plan.cache, progress)
    recipes = [recipe for recipe, _ in missing]
    require_space(recipes, builds=go.builds, modules=go.modules)
    compiler = Compiler(go, plan.cache)
    record = plan.cache.toolchain / f".build-modules-{os.getpid()}"
    fetcher = threading.Thread(target=compiler.fetch, args=(recipes[1:], record), daemon=True)
    fetcher.start()
    pool = ThreadPoolExecutor(_AT_ONCE)
    try:
        # The first alone: the others find Go's standard library compiled.
        _build(compiler, *missing[0], progress)
        jobs = [pool.submit(_build, compiler, recipe, place, progress) for recipe, place in missing[1:]]
        finished, _ = wait(jobs, return_when=FIRST_EXCEPTION)
        for job in finished:
            job.result()
    finally:
        compiler.stop()
        pool.shutdown(cancel_futures=True)
        fetcher.join()


def _build(compiler: Compiler, recipe: Recipe, place: Installation, progress: Progress) -> None:
    staging = place.path.with_name(f".build-{recipe.tool}-{os.getpid()}")
    since = time.monotonic()
    progress.begin(recipe.tool, recipe.version, "building")
    try:
        compiler.build(recipe, staging)
        place.publish(staging)
    except (ToolchainError, OSError):
        progress.end(recipe.tool, recipe.version, "stopped" if compiler.stopped else "failed")
        shutil.rmtree(staging, ignore_errors=True)
        raise
    progress.end(recipe.tool, recipe.version, f"built in {time.monotonic() - since:.0f} s")


def _copy(part: WheelProgram, place: Installation, progress: Progress) -> None:
    staging = place.path.with_name(f".build-{part.tool}-{os.getpid()}")
    part.install(staging)
    place.publish(staging, source=COPIED)
    progress.end(part.tool, part.version, "copied from its wheel")


def _clean(plan: Plan, progress: Progress) -> None:
    """Remove Go's caches, unless the user said where they are: those are not ours; and what was downloaded."""
    folders: list[Path] = [plan.cache.go_build.with_name("go-config"), plan.cache.downloads]
    if "GOCACHE" not in os.environ:
        folders.append(plan.cache.go_build)
    if "GOMODCACHE" not in os.environ:
        folders.append(plan.cache.go_modules)
    present = [folder for folder in folders if folder.exists()]
    if not present:
        return
    progress.begin("build caches", "", "removing")
    for folder in present:
        remove_tree(folder)
    progress.end("build caches", "", "removed")
