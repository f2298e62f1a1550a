"""A fleet of many clusters with many workloads of the user's own, for the figures of placement.

The workloads stand in manifests of the project, a file for each propagation, as a team hands them over; the stack file
says where they go and how they differ there. Every second propagation lets capacity decide.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from scripts.benchmark.stage import generated

TOGETHER: Final = 500
"""So many workloads are in one propagation, and in one file."""
_REGIONS: Final = 10
_FOLDER: Final = "workloads"


def placed_stack(project: Path, workloads: int, clusters: int, together: int = TOGETHER) -> dict[str, Any]:
    """The configuration of a stack with so many workloads and clusters; their manifests are written to `project`."""
    propagations = -(-workloads // together)
    folder = project / _FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(propagations):
        first = number * together
        texts = [_manifest(one) for one in range(first, min(first + together, workloads))]
        (folder / f"team-{number:04d}.yaml").write_text("---\n".join(texts), encoding="utf-8")
    config = generated(clusters)
    for position, declared in enumerate(config["clusters"].values()):
        declared["region"] = f"region-{position % _REGIONS}"
        declared["labels"] = {"tier": ("gold", "silver")[position % 2]}
        declared["capacity"] = {"cpu": "100000", "memory": "1000Ti", "pods": 1_000_000}
    return config | {
        "namespaces": {"shop": {}},
        "propagations": {f"team-{number:04d}": _propagation(number) for number in range(propagations)},
    }


def _propagation(number: int) -> dict[str, Any]:
    """Each in its own way: divided by weights, duplicated over regions, as few clusters as hold it, by what is free."""
    region = f"region-{number % _REGIONS}"
    ways: tuple[dict[str, Any], ...] = (
        {
            "clusterAffinity": {"matchLabels": {"tier": "gold"}},
            "spreadConstraints": [{"spreadByField": "region", "minGroups": 2, "maxGroups": 3}],
            "replicaScheduling": {"replicaSchedulingType": "Divided"},
        },
        {
            "clusterAffinity": {"regions": [region]},
            "replicaScheduling": {
                "replicaSchedulingType": "Divided",
                "replicaDivisionPreference": "Aggregated",
            },
        },
        {
            "clusterAffinities": [
                {"affinityName": "near", "regions": [region]},
                {"affinityName": "far", "matchLabels": {"tier": "silver"}},
            ],
        },
        {
            "clusterAffinity": {"regions": [region, f"region-{(number + 1) % _REGIONS}"]},
            "replicaScheduling": {"replicaSchedulingType": "Divided", "dynamicWeight": "AvailableReplicas"},
        },
    )
    return {
        "resources": [{"file": f"{_FOLDER}/team-{number:04d}.yaml"}],
        "placement": ways[number % len(ways)],
        "overrides": [
            {
                "targetClusters": {"regions": [region]},
                "image": [{"component": "Registry", "operator": "replace", "value": f"{region}.example.com"}],
            },
            {
                "targetClusters": {"matchLabels": {"tier": "gold"}},
                "env": [{"set": {"TIER": "gold"}}],
                "labels": {"set": {"tier": "gold"}},
            },
        ],
    }


def _manifest(number: int) -> str:
    """A Deployment as such are written."""
    name = f"service-{number:05d}"
    return f"""\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
  namespace: shop
  labels:
    app: {name}
spec:
  replicas: {number % 7 + 1}
  selector:
    matchLabels:
      app: {name}
  template:
    metadata:
      labels:
        app: {name}
    spec:
      containers:
        - name: app
          image: registry.example.com/shop/{name}:1.{number % 20}
          args: ["--port=8080", "--log=json"]
          env:
            - name: TIER
              value: silver
          ports:
            - containerPort: 8080
          resources:
            requests:
              cpu: {(number % 5 + 1) * 50}m
              memory: {(number % 4 + 1) * 64}Mi
          readinessProbe:
            httpGet:
              path: /ready
              port: 8080
"""
