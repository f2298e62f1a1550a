"""`render` tells the truth: what it writes is what the clusters hold."""

from __future__ import annotations

import base64
import binascii
import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from meshfleet.testing import FleetUnderTest, Sandbox
from tests.integration.dev import CLUSTERS

pytestmark = pytest.mark.proof("render writes what the clusters then hold", step=2)

PLACEHOLDER = re.compile(r"<[^<>]+>")


@pytest.fixture(scope="module")
def rendered(dev_fleet: FleetUnderTest) -> dict[str, list[dict[str, Any]]]:
    """Every rendered document by cluster, in the order of the file names."""
    first, second = dev_fleet.sandbox.folder / "render-1", dev_fleet.sandbox.folder / "render-2"
    for folder in (first, second):
        dev_fleet.sandbox.meshfleet("render", "--stack", "dev", "--out", str(folder))
    assert contents(first) == contents(second)
    reader = YAML(typ="safe", pure=True)
    return {
        cluster: [reader.load(path.read_text(encoding="utf-8")) for path in sorted((first / cluster).iterdir())]
        for cluster in CLUSTERS
    }


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_every_rendered_object_is_in_its_cluster_with_the_rendered_fields(
    dev_fleet: FleetUnderTest, rendered: dict[str, list[dict[str, Any]]], cluster: str
) -> None:
    objects = [document for document in rendered[cluster] if "kind" in document]
    assert len(objects) >= 6
    dev_fleet.sandbox.meshfleet("status", "--stack", "dev", "--json")
    for wanted in objects:
        there = found_object(dev_fleet.sandbox, cluster, wanted)
        assert differences(wanted, there, f"{wanted['kind']} {wanted['metadata']['name']}") == []


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_every_rendered_release_is_deployed_with_the_rendered_values(
    dev_fleet: FleetUnderTest, rendered: dict[str, list[dict[str, Any]]], cluster: str
) -> None:
    releases = [document for document in rendered[cluster] if "release" in document]
    assert {release["release"] for release in releases} == {"istio-base", "istiod", "istio-eastwestgateway"}
    for wanted in releases:
        secret = dev_fleet.sandbox.get(
            "dev", cluster, "secret", f"sh.helm.release.v1.{wanted['release']}.v1", "-n", wanted["namespace"]
        )
        # Helm's own storage: JSON, compressed, in base64, and once more in base64 as every Secret.
        packed = base64.b64decode(base64.b64decode(secret["data"]["release"]))
        deployed = json.loads(gzip.decompress(packed))
        assert deployed["info"]["status"] == "deployed"
        assert differences(wanted["values"], deployed["config"], wanted["release"]) == []


def found_object(sandbox: Sandbox, cluster: str, wanted: dict[str, Any]) -> dict[str, Any]:
    group, _, version = wanted["apiVersion"].rpartition("/")
    kind = f"{wanted['kind']}.{version}.{group}" if group else wanted["kind"]
    namespace = wanted["metadata"].get("namespace")
    where = ["--namespace", namespace] if namespace else []
    return sandbox.get("dev", cluster, kind, wanted["metadata"]["name"], *where)


def differences(wanted: Any, there: Any, path: str) -> list[str]:
    """Where `there` lacks something of `wanted`; a placeholder stands for any text."""
    if isinstance(wanted, dict) and isinstance(there, dict):
        missing = [f"{path}.{key} is missing" for key in wanted if key not in there]
        return missing + [
            found
            for key, value in wanted.items()
            if key in there
            for found in differences(value, there[key], f"{path}.{key}")
        ]
    if isinstance(wanted, list) and isinstance(there, list) and len(wanted) == len(there):
        return [
            found
            for number, (one, other) in enumerate(zip(wanted, there, strict=True))
            for found in differences(one, other, f"{path}.{number}")
        ]
    if isinstance(wanted, str) and isinstance(there, str):
        if re.fullmatch(pattern(wanted), there) or re.fullmatch(pattern(decoded(wanted)), decoded(there), re.S):
            return []
        return [f"{path} differs"]
    return [] if wanted == there else [f"{path}: rendered {wanted!r}, found {there!r}"]


def pattern(text: str) -> str:
    return ".*".join(re.escape(part) for part in PLACEHOLDER.split(text))


def decoded(text: str) -> str:
    """What a Secret's base64 says; the text itself when it is none."""
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return text
