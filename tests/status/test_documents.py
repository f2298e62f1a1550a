"""The status is written through its model, and every fault in one that is read is named with its path."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from meshfleet.errors import VerificationError
from meshfleet.redaction.secret_text import kind_of_secret
from meshfleet.status import VERSION, Status, read_deployed, read_status, write_status
from meshfleet.status.deployed import DeployedStatus
from meshfleet.status.reading import AGAIN
from meshfleet.topology.descriptions import descriptions
from tests.automation.made_up_session import STATUS

pytestmark = pytest.mark.proof("the status is one typed, versioned document", step=0)

FIELDS = {key: value for key, value in STATUS.items() if key != "version"}


class Later:
    """A value that a run has not found out yet."""


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value that holds no others."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = list(entries)
    if path and not found:
        yield path
    for key, part in found:
        yield from leaves(part, (*path, key))


def changed(path: tuple[Any, ...], value: object) -> dict[str, Any]:
    fields = copy.deepcopy(FIELDS)
    part: Any = fields
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    return fields


def test_what_is_written_is_what_is_read() -> None:
    written = write_status(FIELDS)
    assert written == STATUS
    assert read_status(written).document() == written


def test_a_value_that_is_not_known_yet_is_written_as_it_is_wherever_it_stands() -> None:
    paths = list(leaves(FIELDS))
    assert len(paths) > 60
    for path in paths:
        later = Later()
        part: Any = write_status(changed(path, later), pending=Later)
        for key in path:
            part = part[key]
        assert part is later
    with pytest.raises(ValueError, match="stack: "):
        write_status(FIELDS | {"stack": Later()})


@pytest.mark.parametrize(
    ("path", "named"),
    [
        (("surprise",), "surprise: unknown key"),
        (("clusters", 0, "debugUrl"), "clusters.west.debugUrl: unknown key"),
        (
            ("clusters", 0, "controlPlane", "revisions", 0, "url"),
            "clusters.west.controlPlane.revisions.default.url: ",
        ),
        (("meshes", 0, "roots", 1, "privateKey"), "meshes.mesh1.roots.second.privateKey: unknown key"),
    ],
)
def test_a_key_that_the_model_does_not_know_is_never_written(path: tuple[Any, ...], named: str) -> None:
    with pytest.raises(ValueError, match=named.replace("[", r"\[")):
        write_status(changed(path, "x"))


def test_every_fault_is_named_at_once_with_its_path() -> None:
    document = copy.deepcopy(STATUS)
    document["clusters"][0]["gateway"]["port"] = "http"
    document["clusters"][1]["controlPlane"]["kind"] = "mine"
    document["clusters"][1]["controlPlane"]["revisions"][0]["name"] = ""
    document["meshes"][0]["roots"] = {}
    del document["stack"]
    with pytest.raises(VerificationError) as caught:
        read_status(document)
    text = str(caught.value)
    for path in (
        "stack: missing",
        "clusters.west.gateway.port: must be an integer, got 'http'",
        "clusters.east.controlPlane.kind: must be 'own', 'remote' or 'external', got 'mine'",
        "clusters.east.controlPlane.revisions[0].name: ",
        "meshes.mesh1.roots: must be a list, got {}",
    ):
        assert path in text
    assert text.startswith("status: ")
    assert text.endswith(f"; {AGAIN}")
    assert "\n" not in text


def test_of_hundreds_of_faults_some_are_named_and_the_rest_counted() -> None:
    document = STATUS | {"clusters": [7] * 300}
    with pytest.raises(
        VerificationError, match=r"clusters\[19\]: must be a map of keys to values, got 7; and 280 more; run"
    ):
        read_status(document)


@pytest.mark.parametrize("read", [read_status, read_deployed])
@pytest.mark.parametrize("version", [VERSION + 1, float(VERSION + 1), 10**30])
def test_a_later_version_is_refused_with_what_to_do(read: Any, version: Any) -> None:
    with pytest.raises(VerificationError) as caught:
        read({"version": version, "all": "different"})
    assert str(caught.value).endswith(
        f"was written by a later meshfleet, and this one reads versions up to {VERSION}; use the meshfleet that wrote "
        "it, or a later one"
    )
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("version", [None, "1", True, 1.5, -1, [], float("nan"), float("inf")])
def test_a_version_that_is_none_is_named(version: Any) -> None:
    with pytest.raises(VerificationError, match=r"status: version: must be an integer from 1, got "):
        read_status(STATUS | {"version": version})


@pytest.mark.parametrize("document", [None, [], "text", 7])
def test_what_is_no_document_is_named(document: Any) -> None:
    for read in (read_status, read_deployed):
        with pytest.raises(VerificationError, match="must be a map of keys to values"):
            read(document)


def test_a_field_that_this_version_does_not_know_is_left_out_when_it_is_read() -> None:
    document = copy.deepcopy(STATUS)
    document["clusters"][0]["later"] = document["later"] = 7
    assert read_status(document).document() == STATUS


def test_numbers_that_the_engine_made_doubles_are_whole_again() -> None:
    doubled = json.loads(json.dumps(STATUS), parse_int=float)
    assert read_status(doubled).document() == STATUS
    assert "15443.0" not in json.dumps(read_status(doubled).document())


def models(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """A model and all that it is made of."""
    yield model
    waiting = [field.annotation for field in model.model_fields.values()]
    while waiting:
        hint = waiting.pop()
        if isinstance(hint, type) and issubclass(hint, BaseModel):
            yield from models(hint)
        else:
            waiting += get_args(hint)


def test_every_part_refuses_unknown_keys_is_frozen_and_says_what_each_field_is() -> None:
    found = {*models(Status), *models(DeployedStatus)}
    assert len(found) >= 25
    for model in found:
        assert (model.model_config["extra"], model.model_config["frozen"]) == ("forbid", True)
        assert set(descriptions(model)) == set(model.model_fields)


def test_what_a_rollout_reads_is_a_part_of_the_whole() -> None:
    for path in leaves(read_deployed(STATUS).document()):
        whole: Any = STATUS
        part: Any = read_deployed(STATUS).document()
        for key in path:
            whole, part = whole[key], part[key]
        assert part == whole


def test_no_secret_is_in_a_recorded_status() -> None:
    assert kind_of_secret(json.dumps(STATUS)) is None
