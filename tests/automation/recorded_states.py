"""A recorded state, and whether one would be taken by the engine.

`recorded/state.json` is what a run of three embedded clusters left: `hub` and `west` in one mesh, and `shop`, whose
control plane `hub` hosts, in another. The stack is called `west`, too. Inputs and outputs are left out.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RECORDED = Path(__file__).parent / "recorded" / "state.json"
CLUSTERS = ("hub", "shop", "west")


def recorded() -> dict[str, Any]:
    """The deployment, made anew each time."""
    found: dict[str, Any] = json.loads(RECORDED.read_text(encoding="utf-8"))
    return found


def names(deployment: dict[str, Any]) -> set[str]:
    """The logical names of all resources that a provider manages."""
    return {name_of(resource["urn"]) for resource in deployment["resources"] if resource["custom"]}


def name_of(urn: str) -> str:
    return urn.rpartition("::")[2]


def damage(deployment: dict[str, Any]) -> list[str]:
    """What the engine would refuse in it: whatever names a resource that is not recorded before.

    As VerifyIntegrity in pkg/resource/deploy/snapshot.go of pulumi/pulumi.
    """
    known: set[str] = set()
    providers: set[str] = set()
    found = []
    for resource in deployment["resources"]:
        named = [
            *resource.get("dependencies", ()),
            *(urn for urns in resource.get("propertyDependencies", {}).values() for urn in urns),
            *resource.get("replaceWith", ()),
            *(resource[key] for key in ("parent", "deletedWith") if resource.get(key)),
        ]
        found += [f"{name_of(resource['urn'])} names {name_of(urn)}" for urn in named if urn not in known]
        if resource.get("provider") and resource["provider"] not in providers:
            found.append(f"{name_of(resource['urn'])} has no provider")
        known.add(resource["urn"])
        providers.add(f"{resource['urn']}::{resource.get('id')}")
    return found
