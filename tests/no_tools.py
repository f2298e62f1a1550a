"""Tests that scripts/check runs find no tools, on machines that have them too: it builds none where there are none."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from meshfleet.sources import charts, kustomizations
from meshfleet.toolchain import builder, tools
from meshfleet.toolchain.plan import Plan

ADVICE = "this test needs tools that scripts/check does not build: mark it with pytest.mark.tools"

RENDERED = frozenset(("federation", "examples/federation"))
"""The stacks of this project whose sources kubectl and helm render, as tests over all stacks name them."""


def needs_tools(item: pytest.Item) -> bool:
    """Whether a test is about a stack that is rendered."""
    values = item.callspec.params.values() if isinstance(item, pytest.Function) and hasattr(item, "callspec") else ()
    return any(isinstance(value, str) and value in RENDERED for value in values)


def hide_tools(patch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let this process and those that it starts look for tools and renders in a `folder` that has none of them.

    What would build the toolchain there fails the test instead.
    """
    build = builder.build_missing

    def built(plan: Plan, *arguments: Any, **options: Any) -> None:
        assert not plan.view.is_relative_to(folder), ADVICE
        build(plan, *arguments, **options)

    patch.setenv("MESHFLEET_CACHE", str(folder))
    # A process that would build nevertheless ends with an error, at once.
    patch.setenv("GOPROXY", "off")
    patch.setattr(builder, "build_missing", built)
    # What another test found or rendered is kept for the process.
    patch.setattr(tools, "_built", lru_cache(maxsize=0)(tools._built.__wrapped__))
    patch.setattr(charts, "_rendered", lru_cache(maxsize=0)(charts._rendered.__wrapped__))
    patch.setattr(kustomizations, "_built", lru_cache(maxsize=0)(kustomizations._built.__wrapped__))
