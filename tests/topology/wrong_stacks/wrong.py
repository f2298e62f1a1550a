"""A wrong stack configuration: a good one, what is changed in it, and the faults that must be found."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

Config = dict[str, Any]

# A value that takes the key away instead.
ABSENT = object()

GOOD: Config = {
    "host": "west",
    "meshes": {"mesh1": {"trustDomain": "cluster.local"}},
    "networks": {"network-west": {}, "network-east": {}},
    "clusters": {
        "west": {"embedded": {}, "network": "network-west"},
        "east": {"embedded": {}, "network": "network-east"},
    },
    "namespaces": {"shop": {"injection": True}},
}


@dataclass(frozen=True)
class Wrong:
    """`changes` maps paths in `GOOD`, dots between names, to new values.

    `faults` maps the path of every fault to a telling part of its message; several parts are several faults.
    `unsaid` are texts that no message may repeat, `links` pages of Istio's documentation that tell why.
    """

    title: str
    changes: dict[str, object]
    faults: dict[str, str | tuple[str, ...]]
    unsaid: tuple[str, ...] = field(default=())
    links: tuple[str, ...] = field(default=())

    @property
    def config(self) -> Config:
        """The wrong configuration, made anew each time."""
        config = copy.deepcopy(GOOD)
        for path, value in self.changes.items():
            *parents, last = path.split(".")
            mapping = config
            for name in parents:
                mapping = mapping.setdefault(name, {})
            if value is ABSENT:
                del mapping[last]
            else:
                # Later changes may go into it.
                mapping[last] = copy.deepcopy(value)
        return config

    @property
    def expected(self) -> list[tuple[str, str]]:
        """The path of each fault and a part of its message, in order."""
        return [
            (path, part)
            for path, parts in sorted(self.faults.items())
            for part in ((parts,) if isinstance(parts, str) else parts)
        ]


def existing(name: str = "west", **fields: object) -> dict[str, object]:
    """A cluster that is there already, on the network `network-<name>`."""
    return {
        "network": f"network-{name}",
        "existing": {"kubeconfig": "kubeconfig.yaml", "context": name, **fields},
    }


def on_one_network(**east: object) -> dict[str, object]:
    """Changes that put both clusters on the network of `west`, the other one's fields given."""
    return {
        "networks.network-east": ABSENT,
        "clusters.east.network": "network-west",
        **{f"clusters.east.{key}": value for key, value in east.items()},
    }
