"""The fleet's own Docker engine and the images that were built for it, as clusters use them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from meshfleet.containers.engine import Engine, find_engine
from meshfleet.containers.images import find_images
from meshfleet.processes.bounded_run import Ended, run_bounded


class OwnEngine:
    """The engine that is started where a cluster of built images needs it, and ended when nothing runs in it."""

    where = "the fleet's own Docker engine"

    @cached_property
    def _engine(self) -> Engine:
        return find_engine()

    @property
    def kind(self) -> Path:
        """The one that was built with the images."""
        return self._engine.kind

    def environment(self) -> dict[str, str]:
        """As the engine says."""
        return self._engine.environment()

    def run(self, *arguments: str, seconds: float, stdin: str = "") -> Ended:
        """With the engine's own program."""
        environment = self.environment()
        program = shutil.which("docker", path=environment["PATH"]) or "docker"
        return run_bounded([program, *arguments], seconds=seconds, environment=environment, stdin=stdin)

    def is_running(self) -> bool:
        """Whether it responds; nothing is started."""
        return self._engine.is_running()

    def require_running(self) -> None:
        """Start it unless it runs; what it changes of the machine is recorded first."""
        self._engine.start()

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Started, and not ended by another command before this block is done."""
        with self._engine.in_use():
            yield

    def end_if_unused(self) -> None:
        """Restore the machine once no container is left and no command needs it."""
        self._engine.stop_if_unused()


def built_node_image() -> str:
    """The name of the node image. Raises ContainersError where it is not complete, which names what builds it."""
    images = find_images()
    images.require()
    return images.node
