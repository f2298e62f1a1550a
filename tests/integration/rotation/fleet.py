"""The stack that the tests of this folder change."""

from __future__ import annotations

from typing import Any

from meshfleet.testing import small_fleet

STACK = "rotation"
CLUSTERS = ("west", "east")


def configuration(trust: dict[str, Any]) -> dict[str, Any]:
    """The stack with this trust."""
    return small_fleet(*CLUSTERS) | {"meshes": {"mesh1": {"trust": trust}}}
