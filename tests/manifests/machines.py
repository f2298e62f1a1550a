"""A stack with virtual machines of every kind, and ways to read the bundles that are made for them.

It is the example, a mesh on two networks, with one cluster alone in another mesh and two revisions of Istio side by
side. Two machines with fixed addresses join the control plane of one cluster and are on the network of the other.
"""

from __future__ import annotations

import copy
import json
import shlex
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from meshfleet.topology import read_stack_file

STACK = "machines"
STACKS = Path(__file__).resolve().parents[2] / "stacks"


def _config() -> dict[str, Any]:
    config: dict[str, Any] = copy.deepcopy(dict(read_stack_file(STACKS, "examples/virtual-machines").config))
    for cluster in config["clusters"].values():
        cluster["mesh"] = "shop"
    config["meshes"] = {"shop": {}, "office": {"trustDomain": "office.example"}}
    config["networks"]["desk"] = {}
    config["clusters"]["alone"] = {"embedded": {}, "mesh": "office", "network": "desk"}
    config["namespaces"]["papers"] = {"clusters": ["alone"]}
    config["istio"] = {"revisions": {"default": {}, "green": {}}, "revision": "default"}
    config["virtualMachines"]["ledger"]["network"] = "coast"
    config["virtualMachines"]["printer"] = {
        "namespace": "papers",
        "cluster": "alone",
        "ports": {"http": {"port": 631}},
    }
    return config


CONFIG = _config()


def environment(text: str) -> dict[str, Any]:
    """What a shell reads in cluster.env, with the labels among it read."""
    lines = [line.partition("=") for line in text.splitlines()]
    return _labelled({name: shlex.split(value)[0] for name, _, value in lines})


def proxy_config(text: str) -> dict[str, Any]:
    """The part of mesh.yaml, of which there is no other, with the labels in it read."""
    content = YAML(typ="safe", pure=True).load(text)
    assert content.keys() == {"defaultConfig"}
    proxy: dict[str, Any] = content["defaultConfig"]
    return {**proxy, "proxyMetadata": _labelled(proxy["proxyMetadata"])}


def _labelled(metadata: dict[str, str]) -> dict[str, Any]:
    return {**metadata, "ISTIO_METAJSON_LABELS": json.loads(metadata["ISTIO_METAJSON_LABELS"])}
