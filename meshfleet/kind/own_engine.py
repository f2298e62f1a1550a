"""The fleet's own Docker engine and the images that were built for it, as clusters use them."""

from __future__ import annotations

from functools import cached_property
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from meshfleet.errors import EmbeddedError
from meshfleet.processes.bounded_run import Ended

_PACKAGE = "meshfleet.containers"


class OwnEngine:
    """The engine that is started where a cluster of built images needs it, and ended when nothing runs in it."""

    where = "the fleet's own Docker engine"

    @cached_property
    def _engine(self) -> Any:
        return _module("engine").find_engine()

    @property
    def kind(self) -> Path:
        """The one that was built with the images."""
        return Path(self._engine.kind)

    def environment(self) -> dict[str, str]:
        """As the engine says."""
        return dict(self._engine.environment())

    def run(self, *arguments: str, seconds: float, stdin: str = "") -> Ended:
        """With the engine's own program."""
        ended: Ended = self._engine.run(*arguments, seconds=seconds, stdin=stdin)
        return ended

    def is_running(self) -> bool:
        """Whether it answers; nothing is started."""
        return bool(self._engine.is_running())

    def require_running(self) -> None:
        """Start it unless it runs; what it changes of the machine is recorded first."""
        self._engine.start()

    def end_if_unused(self) -> None:
        """Restore the machine once no container is left; of another fleet's it goes on."""
        ended = self.run("ps", "-a", "-q", seconds=20)
        if not ended.code and not ended.out.strip():
            self._engine.stop()


def built_node_image() -> str:
    """The name of the node image; a complete one. Raises EmbeddedError, which names the command that builds it."""
    images = _module("images").find_images()
    images.require()
    return str(images.node)


def _module(name: str) -> Any:
    if find_spec(_PACKAGE) is None:
        raise EmbeddedError("images of this machine cannot be built by this release; use images: published")
    return import_module(f"{_PACKAGE}.{name}")
