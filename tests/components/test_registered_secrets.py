"""A key, a token, a kubeconfig is a secret from birth: nowhere among the registrations in plain text."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator
from typing import Any

import pytest

from meshfleet.topology import Fleet
from tests.components.registered_graph import Graph
from tests.components.registrations import CONFIDENTIAL, SECRET

pytestmark = pytest.mark.proof("no key, token or kubeconfig in plain text in state, logs or output", step=1)


def plain_texts(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every text that is not inside a secret, with its path."""
    if isinstance(value, dict):
        if not SECRET.items() <= value.items():
            for key, inner in value.items():
                yield from plain_texts(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            yield from plain_texts(inner, f"{path}[{position}]")
    elif isinstance(value, str):
        yield path, value


def is_confidential(text: str) -> bool:
    """Whether a text holds something that must stay secret, in base64 or not."""
    if CONFIDENTIAL in text:
        return True
    try:
        return CONFIDENTIAL in base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return False


def is_secret(value: Any) -> bool:
    return isinstance(value, dict) and SECRET.items() <= value.items()


def test_nothing_confidential_is_registered_or_exported_in_plain_text(graph: Graph) -> None:
    registered = {name: resource.inputs for name, resource in graph.resources.items()}
    found = [
        f"{name}{path}"
        for name, value in [*registered.items(), ("the exports", graph.outputs)]
        for path, text in plain_texts(value)
        if is_confidential(text)
    ]
    assert found == []


def test_confidential_values_do_get_where_they_belong(graph: Graph) -> None:
    # Otherwise the test above would hold for a program that uses no secret at all.
    for name, field in (("cacerts", "data"), ("remote-secrets", "data"), ("kubernetes", "kubeconfig")):
        for resource in graph.resources.values():
            if resource.what == name:
                assert is_secret(resource.inputs[field])
                values = resource.inputs[field]["value"]
                texts = values.values() if isinstance(values, dict) else [values]
                assert any(is_confidential(text) for text in texts)


def test_the_data_of_every_secret_is_secret_as_a_whole(graph: Graph) -> None:
    secrets = [resource for resource in graph.custom if resource.type == "kubernetes:core/v1:Secret"]
    for secret in secrets:
        assert "data" not in secret.inputs or is_secret(secret.inputs["data"])
        # What a cluster's controllers add, as the token of a reader, comes back as secret as well.
        assert "data" in secret.secret_outputs


def test_what_plugins_make_of_keys_and_kubeconfigs_is_secret_in_the_state(graph: Graph) -> None:
    for resource in graph.custom:
        kind = resource.type.rpartition(":")[2]
        if kind in ("RootCertificateAuthority", "IntermediateCertificateAuthority"):
            assert "privateKey" in resource.secret_outputs
        if kind in ("EmbeddedCluster", "KindCluster"):
            assert "kubeconfig" in resource.secret_outputs


def test_the_exports_describe_the_fleet_in_the_open_and_the_kubeconfigs_as_one_secret(
    graph: Graph, fleet: Fleet
) -> None:
    assert graph.outputs.keys() == {"fleet", "kubeconfigs", *(["portal"] if fleet.portal else [])}
    assert is_secret(graph.outputs["kubeconfigs"])
    assert graph.outputs["kubeconfigs"]["value"].keys() == fleet.clusters.keys()
    assert next(iter(SECRET)) not in json.dumps(graph.outputs["fleet"])
