"""A place of its own for a measurement: a home, stack files, and the programs to measure."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from meshfleet.automation.checkout import Checkout
from meshfleet.automation.engine.environment import prepare
from meshfleet.components.tokens import BUILT_CHARTS
from scripts.benchmark.documented_sequence import Tools
from scripts.benchmark.measurement import Measurement, measured

THREE = "three"
"""The stack of three clusters with simulated pods, as those have that it is held against."""
MESHFLEET = [str(Path(sys.executable).with_name("meshfleet"))]


@dataclass(frozen=True)
class Stage:
    """`home` is MESHFLEET_HOME, `stacks` the folder of stack files; `environment` is what commands run with.

    `members` are the sizes of the fleets of which growth is told.
    """

    root: Path
    home: Path
    stacks: Path
    environment: Mapping[str, str]
    tools: Tools
    members: tuple[int, ...] = (3, 6, 12)

    def meshfleet(self, *arguments: str, memory: bool = False) -> Measurement:
        """Run the command, with its memory sampled on request; raises `CalledProcessError` when it fails."""
        return measured([*MESHFLEET, *arguments], self.root, self.environment, memory=memory)

    def write_stack(self, name: str, config: Mapping[str, Any]) -> None:
        """A stack file; JSON is YAML."""
        prefixed = {f"meshfleet:{section}": value for section, value in config.items()}
        (self.stacks / f"Pulumi.{name}.yaml").write_text(json.dumps({"config": prefixed}), encoding="utf-8")


@contextmanager
def stage(members: tuple[int, ...]) -> Iterator[Stage]:
    """A fresh stage; it is removed at the end, whatever happened on it."""
    root = Checkout.here().root
    with tempfile.TemporaryDirectory(prefix="meshfleet-bench-") as folder:
        home, stacks = Path(folder) / "home", Path(folder) / "stacks"
        stacks.mkdir()
        for file in (root / "stacks").glob("Pulumi.*.yaml"):
            shutil.copy(file, stacks)
        environment = prepare(Checkout(root, home))
        variables = dict(environment.variables) | {"MESHFLEET_STACKS": str(stacks)}
        tools = Tools(environment.tools, (root / BUILT_CHARTS).resolve())
        made = Stage(root, home, stacks, variables, tools, members)
        made.write_stack(THREE, generated(3))
        yield made


def generated(count: int) -> dict[str, Any]:
    """The configuration of a fleet of `count` embedded clusters, each on a network of its own."""
    names = [f"c{number:04d}" for number in range(count)]
    return {
        "host": names[0],
        "networks": {f"network-{name}": {} for name in names},
        "clusters": {name: {"embedded": {}, "network": f"network-{name}"} for name in names},
        "namespaces": {"sample": {"injection": True}},
    }
