"""Projects with files that propagations name, and configurations that name them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from meshfleet.sources import load
from meshfleet.topology import Fleet

Config = dict[str, Any]


@dataclass(frozen=True)
class Link:
    """A link in place of a file."""

    target: str


@dataclass(frozen=True)
class Pipe:
    """A pipe in place of a file."""


Content = str | bytes | Link | Pipe

CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web, namespace: shop}\n"
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 4
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: app, image: registry.example/web:1}]}
"""
CHART = "apiVersion: v2\nname: web\nversion: 1.0.0\n"


def project(folder: Path, files: Mapping[str, Content]) -> Path:
    """A project with these files."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Link):
            path.symlink_to(content.target)
        elif isinstance(content, Pipe):
            os.mkfifo(path)
        else:
            path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def config(*resources: Config, **more: Any) -> Config:
    """Two clusters, and a propagation `web` of these resources."""
    return {
        "host": "west",
        "networks": {"n-west": {}, "n-east": {}},
        "clusters": {
            "west": {"embedded": {}, "network": "n-west"},
            "east": {"embedded": {}, "network": "n-east"},
        },
        "namespaces": {"shop": {}},
        "propagations": {"web": {"resources": list(resources)} | more},
    }


def loaded(folder: Path, files: Mapping[str, Content], *resources: Config, **more: Any) -> Fleet:
    """The fleet of a project with these files."""
    return load("dev", config(*resources, **more), project=project(folder, files))


def chart(**more: Any) -> Config:
    """A chart in the folder `chart`."""
    return {"chart": {"folder": "chart", "release": "web", "namespace": "shop"} | more}
