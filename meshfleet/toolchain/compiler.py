"""Runs Go for one recipe at a time or several at once."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterable
from pathlib import Path

from meshfleet.errors import ToolchainError
from meshfleet.processes.bounded_run import run_bounded
from meshfleet.toolchain.failures import explain
from meshfleet.toolchain.go_command import Go
from meshfleet.toolchain.leftovers import forget_process, remember_process
from meshfleet.toolchain.recipes import ModuleFiles, Recipe
from meshfleet.workspace.cache import Cache
from meshfleet.workspace.project_folder import SETUP

# One tool with an empty cache takes minutes on two cores; modules may have to come from a slow proxy first.
BUILD_SECONDS = 2 * 3600.0
_LIST_SECONDS = 1800.0
_KILLED_SECONDS = 10.0


class Compiler:
    """Builds recipes with one Go; `stop` ends all it runs, from any thread."""

    def __init__(self, go: Go, cache: Cache) -> None:
        self._go = go
        self._cache = cache
        self._running: set[int] = set()
        self._lock = threading.Lock()
        self.stopped = False

    def build(self, recipe: Recipe, staging: Path) -> None:
        """Build the recipe's programs into `staging/bin`, copy its files and write its texts.

        Raises ToolchainError, with what to do and the last lines of Go's output, when that fails.
        """
        programs = staging / "bin"
        programs.mkdir(parents=True)
        if recipe.programs:
            self._compile(recipe, programs, staging)
        else:
            self._run(recipe, ["mod", "download", recipe.module], staging)
        for files in recipe.files:
            self._copy(recipe, files, staging)
        for name, text in recipe.texts.items():
            path = staging / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.format(version=recipe.version), encoding="utf-8")

    def _compile(self, recipe: Recipe, programs: Path, staging: Path) -> None:
        single = next(iter(recipe.programs)) if len(recipe.programs) == 1 else None
        # Go names several programs itself, after their folders, and takes a name for one.
        target = str(programs / single) if single else f"{programs}{os.sep}"
        tags = ["-tags", ",".join(recipe.tags)] if recipe.tags else []
        flags = ["-o", target, *tags, "-ldflags", recipe.linker_flags()]
        self._run(recipe, ["build", *flags, *recipe.programs.values()], staging)
        if single:
            return
        built = {name: package.rpartition("/")[2] for name, package in recipe.programs.items()}
        missing = set(built.values()) - set(os.listdir(programs))
        if missing:
            raise ToolchainError(
                f"{recipe.tool}: go built {sorted(os.listdir(programs))} but not {sorted(missing)}; a recipe of "
                f"several packages needs each to be named after its last folder"
            )
        for name, made in built.items():
            (programs / made).rename(programs / name)

    def fetch(self, recipes: Iterable[Recipe], record: Path) -> None:
        """Download the modules these recipes need, while another is being compiled.

        Failures are left for the build itself to meet and explain.
        """
        for recipe in recipes:
            packages = recipe.programs.values()
            arguments = ["list", "-deps", *packages] if packages else ["mod", "download", recipe.module]
            with contextlib.suppress(ToolchainError):
                self._run(recipe, arguments, record, log=Path(os.devnull))

    def stop(self) -> None:
        """End every Go that is running and start no other."""
        with self._lock:
            self.stopped = True
            for pid in self._running:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(pid, signal.SIGTERM)

    def _run(self, recipe: Recipe, arguments: list[str], record: Path, log: Path | None = None) -> None:
        output = log or self._cache.logs / f"{recipe.tool}.log"
        output.parent.mkdir(parents=True, exist_ok=True)
        with output.open("w+", encoding="utf-8", errors="replace") as file:
            with self._lock:
                if self.stopped:
                    raise ToolchainError(f"{recipe.tool} was not built: the build was stopped")
                # A group of its own, so that its compilers end with it.
                process = subprocess.Popen(
                    [str(self._go.program), *arguments],
                    cwd=recipe.directory,
                    env=dict(self._go.environment),
                    stdin=subprocess.DEVNULL,
                    stdout=file,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
                self._running.add(process.pid)
            try:
                remember_process(record, process.pid)
                code = process.wait(BUILD_SECONDS)
            except subprocess.TimeoutExpired:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait(_KILLED_SECONDS)
                raise ToolchainError(
                    f"{recipe.tool} was not built within {BUILD_SECONDS / 3600:.0f} hours; see {output} for what it "
                    f"was at, and run {SETUP} again: what has been compiled is kept"
                ) from None
            finally:
                with self._lock:
                    self._running.discard(process.pid)
                forget_process(record)
            if code != 0:
                file.seek(0)
                text = "" if log else file.read()
                raise explain(recipe.tool, text, directory=recipe.directory, modules=self._go.modules, log=output)

    def _copy(self, recipe: Recipe, files: ModuleFiles, staging: Path) -> None:
        answer = run_bounded(
            [str(self._go.program), "list", "-m", "-f", "{{.Dir}}", files.module],
            seconds=_LIST_SECONDS,
            environment=self._go.environment,
            directory=recipe.directory,
        )
        module = answer.out.strip()
        source = Path(module) / files.source
        if not module or not source.exists():
            raise ToolchainError(
                f"{recipe.tool}: module {files.module} has no {files.source} "
                f"({answer.err.strip() or source}); the recipe does not fit this version of the module"
            )
        target = staging / files.destination
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            # Contents only: modules are read-only in the cache, ours must be removable.
            shutil.copytree(source, target, copy_function=shutil.copyfile)
            for directory, _, _ in os.walk(target):
                Path(directory).chmod(0o755)
        else:
            shutil.copyfile(source, target)
        if files.executable:
            target.chmod(0o755)
