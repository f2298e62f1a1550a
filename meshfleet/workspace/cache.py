"""Where the toolchain lives on this machine: one cache, shared by every checkout of this user."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Cache:
    """The cache's folders; none of them need exist yet."""

    root: Path

    @property
    def toolchain(self) -> Path:
        """Holds `<tool>-<key>` for each installation and `view-<key>` for each set of them."""
        return self.root / "toolchain"

    @property
    def logs(self) -> Path:
        """Holds what Go printed during the last build of each tool."""
        return self.root / "logs"

    @property
    def downloads(self) -> Path:
        """Holds published files while tools are taken out of them."""
        return self.root / "downloads"

    @property
    def published_lock(self) -> Path:
        """Records what was seen of published files when they were first downloaded."""
        return self.toolchain / "published.lock"

    @property
    def silent_publishers(self) -> Path:
        """Says for a few minutes which publishers did not respond."""
        return self.toolchain / "silent-publishers.json"

    @property
    def go_build(self) -> Path:
        """Go's build cache while tools are being built."""
        return self.root / "go-build"

    @property
    def go_modules(self) -> Path:
        """Go's module cache while tools are being built."""
        return self.root / "go-mod"

    @property
    def go_toolchains(self) -> Path:
        """Go itself, where the machine has none that is new enough."""
        return self.root / "go"


def locate_cache(environment: Mapping[str, str] | None = None) -> Cache:
    """The cache: MESHFLEET_CACHE, else `meshfleet` in XDG_CACHE_HOME, else in ~/.cache."""
    variables = os.environ if environment is None else environment
    chosen = variables.get("MESHFLEET_CACHE")
    if chosen:
        return Cache(Path(chosen).expanduser().absolute())
    base = variables.get("XDG_CACHE_HOME")
    return Cache((Path(base) if base else Path.home() / ".cache") / "meshfleet")
