"""Stack files of the tests of the command."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from typer.testing import Result

ROOT = Path(__file__).resolve().parent.parent.parent
GOOD: dict[str, Any] = {
    "clusters": {
        "west": {"embedded": {}, "network": "network-west"},
        "east": {"embedded": {}, "network": "network-east"},
    },
    "networks": {"network-west": {}, "network-east": {}},
    "host": "west",
}
WRONG: dict[str, Any] = GOOD | {
    "host": "north",
    "clusters": {
        "west": {"embedded": {}, "network": "network-south"},
        "east": {"embedded": {}, "network": "network-east", "colour": "red"},
    },
}
Command = Callable[..., Result]


def write_stack(folder: Path, stack: str, config: dict[str, Any]) -> Path:
    """Write a stack file with these sections and return its path; all JSON is YAML."""
    path = folder / f"Pulumi.{stack}.yaml"
    sections = {f"meshfleet:{section}": value for section, value in config.items()}
    path.write_text(json.dumps({"config": sections}), encoding="utf-8")
    return path
