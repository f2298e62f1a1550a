"""What tests put into the namespace `sample` of a fleet."""

from __future__ import annotations

from typing import Any


def service_with_a_pod(name: str) -> dict[str, Any]:
    """A Service of that name and a Deployment of one Pod behind it, as one manifest."""
    metadata = {"name": name, "namespace": "sample"}
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "none.invalid/none"}]}}
    service = {"selector": labels, "ports": [{"name": "http", "port": 80}]}
    deployment = {"selector": {"matchLabels": labels}, "template": template}
    return {
        "apiVersion": "v1",
        "kind": "List",
        "items": [
            {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": service},
            {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": deployment},
        ],
    }
