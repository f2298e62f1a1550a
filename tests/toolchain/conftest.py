"""A warm build cache and an empty toolchain cache for each test that builds."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from meshfleet.toolchain.go_command import find_go, go_environment
from meshfleet.toolchain.progress import Silence
from meshfleet.workspace.cache import Cache, locate_cache
from tests.toolchain.workshop import Heard, Workshop


@pytest.fixture(scope="session")
def go_folder() -> Path:
    """The folder of the Go that builds the real tools."""
    return find_go(locate_cache(), Silence()).program.resolve().parent


@pytest.fixture(scope="session")
def warm_builds(go_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build cache in which Go's runtime is compiled."""
    cache = Cache(tmp_path_factory.mktemp("warm"))
    recipe = Workshop(cache.root, cache).recipe()
    variables = {name: value for name, value in os.environ.items() if name not in ("GOCACHE", "GOMODCACHE")}
    subprocess.run(
        [str(go_folder / "go"), "build", "-ldflags", "-s -w", "-o", os.devnull, *recipe.programs.values()],
        cwd=recipe.directory,
        env=go_environment(cache, {**variables, "GOPROXY": "off"}),
        check=True,
    )
    return cache.go_build


@pytest.fixture
def workshop(tmp_path: Path, go_folder: Path, warm_builds: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    """An empty toolchain cache; builds use the warm build cache, as a user's own, and no module proxy."""
    monkeypatch.setenv("PATH", f"{go_folder}:/usr/bin:/bin")
    monkeypatch.setenv("GOPROXY", "off")
    monkeypatch.setenv("GOCACHE", str(warm_builds))
    monkeypatch.delenv("GOMODCACHE", raising=False)
    return Workshop(tmp_path, Cache(tmp_path / "cache"))


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str, str], Path]:
    """Makes an executable shell script below the test's folder."""

    def write(name: str, body: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
        return path

    return write
