"""Pulumi's generated protocol messages, without the rest of the `pulumi` package.

A plugin process needs the messages and nothing else of Pulumi's SDK, whose import takes longer than everything
else a plugin does at its start; each explicit provider starts a process. The generated modules only import each
other, relatively, so this package points at their directory: `from meshfleet.plugins.proto import provider_pb2`.
Protocol: https://github.com/pulumi/pulumi/blob/master/proto/pulumi/provider.proto
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

_pulumi = find_spec("pulumi")
if _pulumi is None or _pulumi.origin is None:
    raise ModuleNotFoundError(
        "the package `pulumi` is not installed in this Python: run ./scripts/up once",
        name="pulumi",
    )

__path__ = [str(Path(_pulumi.origin).parent / "runtime" / "proto")]
