"""The start of a plugin process, which counts in every run: the engine starts one for each explicit provider."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any


def start(provider: Any, version: str, on_engine_death: Callable[[], None] | None = None) -> None:
    """`plugins.serve.serve`, without what gRPC imports for asyncio: a fifth of the start, and nothing here uses it.

    Only for a process that is a plugin and nothing else: Pulumi's own SDK does use it.
    """
    sys.modules["grpc.aio"] = ModuleType("grpc.aio")
    from plugins.serve import serve

    serve(provider, version, on_engine_death)
