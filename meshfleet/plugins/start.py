"""The start of a plugin process, which counts in every run: the engine starts one for each explicit provider."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from meshfleet.processes.garbage_collection import collect_less_often


def without_asyncio() -> None:
    """Keep gRPC from importing what it has for asyncio: a fifth of a plugin's start, and no plugin uses it.

    Called before anything imports `grpc`, in a process that only serves plugins: Pulumi's own SDK does use it.
    """
    sys.modules["grpc.aio"] = ModuleType("grpc.aio")


def start(provider: Any, version: str, on_engine_death: Callable[[], None] | None = None) -> None:
    """`meshfleet.plugins.serve.serve` as the one thing that this process does."""
    without_asyncio()
    collect_less_often()
    from meshfleet.plugins.serve import serve
    from meshfleet.processes.child_environment import clean_plugin

    clean_plugin()

    serve(provider, version, on_engine_death)
