"""The JSON schema of the status takes every status that is written, and refuses what its model refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from meshfleet.status import read_status
from meshfleet.status.schema import status_schema
from tests.automation.made_up_session import STATUS
from tests.status.test_documents import changed

pytestmark = pytest.mark.proof("the status is one typed, versioned document", step=0)

SCHEMA = Draft202012Validator(status_schema())
RECORDED = sorted((Path(__file__).parent / "recorded").glob("*.json"))


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_a_recorded_status_has_the_schema_once_it_is_upgraded(path: Path) -> None:
    Draft202012Validator.check_schema(status_schema())
    SCHEMA.validate(read_status(json.loads(path.read_text(encoding="utf-8"))).document())
    SCHEMA.validate(STATUS)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("surprise",), 1),
        (("clusters", 0, "role"), "guest"),
        (("clusters", 0, "gateway", "port"), "http"),
        (("clusters", 0, "controlPlane", "revisions"), {}),
        (("meshes", 0, "roots", 0, "fingerprint"), ""),
        (("virtualMachines",), None),
    ],
)
def test_what_the_model_refuses_the_schema_refuses(path: tuple[Any, ...], value: object) -> None:
    assert list(SCHEMA.iter_errors({"version": 1, **changed(path, value)}))


def test_the_schema_names_its_dialect_and_version() -> None:
    schema = status_schema()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["properties"]["version"]["const"] == 1
    assert not list(SCHEMA.iter_errors(STATUS))
    assert list(SCHEMA.iter_errors(STATUS | {"version": 2}))
