"""Whatever differs in a status, each of its readers reads it or names what is wrong, and never fails otherwise."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from meshfleet.automation.checkout import Checkout
from meshfleet.automation.fleet_status import fleet_status
from meshfleet.automation.identities import identities_in
from meshfleet.automation.state.deployment import deployed_fleet, deployed_in
from meshfleet.cli.graph import picture_of
from meshfleet.cli.tables import status_table
from meshfleet.errors import MeshfleetError
from meshfleet.status import Status, read_status
from meshfleet.topology import load, read_stack_file
from meshfleet.verification import read_fleet
from tests.automation.made_up_session import STATUS
from tests.automation.stack_files import ROOT

pytestmark = pytest.mark.proof("a status of another version is a sentence, and never a traceback", step=0)

STACK = {"type": "pulumi:pulumi:Stack", "urn": "urn:pulumi:dev::meshfleet::pulumi:pulumi:Stack::meshfleet-dev"}
# One cluster has every part that any has.
UNVERSIONED = {key: value for key, value in STATUS.items() if key != "version"} | {"clusters": STATUS["clusters"][:1]}
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


@dataclass(frozen=True)
class Readers:
    """Those of a document, and those of the status that it was read as."""

    documents: tuple[Callable[[dict[str, Any]], object], ...]
    statuses: tuple[Callable[[Status], object], ...]

    def all_of(self, document: dict[str, Any]) -> Iterator[Callable[[], object]]:
        """Each reader on that document."""
        yield from (partial(read, document) for read in self.documents)
        try:
            status = read_status(document)
        except MeshfleetError:
            # So no reader of a status ever sees one.
            return
        yield from (partial(read, status) for read in self.statuses)


@pytest.fixture
def readers(checkout: Checkout) -> Readers:
    file = read_stack_file(ROOT / "stacks", "dev")
    fleet = load(file.stack, file.config)

    def as_recorded(status: dict[str, Any]) -> object:
        outputs = {"fleet": status, "kubeconfigs": {}}
        engine = SimpleNamespace(exists=lambda: True, outputs=lambda: outputs, file=file)
        return fleet_status(checkout, cast("Any", engine))

    def as_deployed(status: dict[str, Any]) -> object:
        return deployed_in({"resources": [STACK | {"outputs": {"fleet": status}}]})

    return Readers(
        (as_recorded, as_deployed, deployed_fleet, lambda status: read_fleet(status, Path("/nowhere"))),
        (status_table, identities_in, lambda status: picture_of(fleet, status, {})),
    )


@pytest.mark.parametrize("document", [STATUS, UNVERSIONED], ids=["current", "unversioned"])
def test_every_part_that_is_missing_or_of_another_kind_is_read_or_named(
    document: dict[str, Any], readers: Readers, capsys: pytest.CaptureFixture[str]
) -> None:
    tried = 0
    named: list[str] = []
    for path in changes(document):
        for value in (..., *VALUES):
            for read in readers.all_of(changed(document, path, value)):
                tried += 1
                try:
                    read()
                except MeshfleetError as error:
                    named.append(str(error))
    capsys.readouterr()
    assert tried > 1000
    assert len(named) > tried / 3
    assert not [text for text in named if "\n" in text]
