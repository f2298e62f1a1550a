"""Whatever differs in a status, each of its readers reads it or names what is wrong, and never fails otherwise."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from meshfleet.automation.checkout import Checkout
from meshfleet.automation.deployment import deployed_fleet, deployed_in
from meshfleet.automation.fleet_status import fleet_status
from meshfleet.automation.graph import picture_of
from meshfleet.automation.identities import identities_in
from meshfleet.automation.tables import status_table
from meshfleet.status import read_status
from meshfleet.topology import load, read_stack_file
from meshfleet.topology.errors import MeshfleetError
from meshfleet.verification import read_fleet
from tests.automation.made_up_session import STATUS
from tests.automation.stack_files import ROOT

pytestmark = pytest.mark.proof("a status of another version is a sentence, and never a traceback", step=0)

STACK = {"type": "pulumi:pulumi:Stack", "urn": "urn:pulumi:dev::meshfleet::pulumi:pulumi:Stack::meshfleet-dev"}
UNVERSIONED = {key: value for key, value in STATUS.items() if key != "version"}
VALUES: tuple[Any, ...] = (None, 7, "text", [], {}, [None], {"unknown": 1})


def changes(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every part of a status."""
    if path:
        yield path
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in entries:
        yield from changes(part, (*path, key))


def changed(document: dict[str, Any], path: tuple[Any, ...], value: object) -> dict[str, Any]:
    """The document with another value there; left out where it is Ellipsis."""
    status = copy.deepcopy(document)
    part: Any = status
    for key in path[:-1]:
        part = part[key]
    if value is ...:
        del part[path[-1]]
    else:
        part[path[-1]] = value
    return status


@pytest.fixture
def readers(checkout: Checkout) -> dict[str, Callable[[dict[str, Any]], object]]:
    file = read_stack_file(ROOT / "stacks", "dev")
    fleet = load(file.stack, file.config)

    def as_recorded(status: dict[str, Any]) -> object:
        outputs = {"fleet": status, "kubeconfigs": {}}
        engine = SimpleNamespace(exists=lambda: True, outputs=lambda: outputs, file=file)
        return fleet_status(checkout, cast("Any", engine))

    return {
        "status": as_recorded,
        "table": lambda status: status_table(read_status(status)),
        "picture": lambda status: picture_of(fleet, read_status(status), {}),
        "identities": lambda status: identities_in(read_status(status)),
        "checks": lambda status: read_fleet(status, Path("/nowhere")),
        "changes in place": deployed_fleet,
        "rollout": lambda status: deployed_in({"resources": [STACK | {"outputs": {"fleet": status}}]}),
    }


@pytest.mark.parametrize("document", [STATUS, UNVERSIONED], ids=["current", "unversioned"])
def test_every_part_that_is_missing_or_of_another_kind_is_read_or_named(
    document: dict[str, Any],
    readers: dict[str, Callable[[dict[str, Any]], object]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    tried = 0
    named: list[str] = []
    for path in changes(document):
        for value in (..., *VALUES):
            for reader in readers.values():
                tried += 1
                try:
                    reader(changed(document, path, value))
                except MeshfleetError as error:
                    named.append(str(error))
    capsys.readouterr()
    assert tried > 1000
    assert len(named) > tried / 3
    assert not [text for text in named if "\n" in text]
