"""A fleet that another version brought up is named as such by every reader of its status, whatever differs."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from meshfleet.automation.checkout import Checkout
from meshfleet.automation.fleet_status import fleet_status
from meshfleet.automation.graph import picture_of
from meshfleet.automation.identities import identities_in
from meshfleet.automation.tables import status_table
from meshfleet.topology import load, read_stack_file
from meshfleet.topology.errors import MeshfleetError
from meshfleet.verification import read_fleet
from tests.automation.made_up_session import STATUS
from tests.automation.stack_files import ROOT

pytestmark = pytest.mark.proof("a status of another version is a sentence, and never a traceback", step=0)

VALUES: tuple[Any, ...] = (None, 7, "text", [], {}, [None], {"unknown": 1})


def changes(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every part of a status."""
    if path:
        yield path
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in entries:
        yield from changes(part, (*path, key))


def changed(path: tuple[Any, ...], value: object) -> dict[str, Any]:
    """The status with another value there; left out where it is Ellipsis."""
    status = copy.deepcopy(STATUS)
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
        "table": status_table,
        "picture": lambda status: picture_of(fleet, status, {}),
        "identities": identities_in,
        "checks": lambda status: read_fleet(status, Path("/nowhere")),
    }


def test_every_part_that_is_missing_or_of_another_kind_is_read_or_named(
    readers: dict[str, Callable[[dict[str, Any]], object]], capsys: pytest.CaptureFixture[str]
) -> None:
    tried = 0
    named: list[str] = []
    for path in changes(STATUS):
        for value in (..., *VALUES):
            for reader in readers.values():
                tried += 1
                try:
                    reader(changed(path, value))
                except MeshfleetError as error:
                    named.append(str(error))
    capsys.readouterr()
    # Most parts matter to one reader at most.
    assert tried > 1000
    assert len(named) > tried / 10
    assert not [text for text in named if "\n" in text]
