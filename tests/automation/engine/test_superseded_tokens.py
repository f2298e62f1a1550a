"""A replaced reader token stays for as long as a peer could not be given the new one, over any number of runs."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from meshfleet.automation.checkout import PROJECT, Checkout
from meshfleet.automation.engine.engine import Engine
from meshfleet.automation.engine.environment import Environment, local_backend_of
from meshfleet.automation.engine.superseded_tokens import superseded_tokens
from meshfleet.automation.reporting.changes import Record
from meshfleet.automation.session import Session
from meshfleet.errors import EngineError
from meshfleet.topology import load, read_stack_file
from tests.automation.events import done, failed, urn_of

pytestmark = pytest.mark.proof("a reader token is renewed while peers always hold a good one", step=0)

TOKEN = urn_of("west/reader-token")


def resource(name: str, *, deleted: bool, kind: str = "kubernetes:core/v1:Secret") -> dict[str, Any]:
    return {"urn": urn_of(name, kind), "type": kind} | ({"delete": True} if deleted else {})


RESOURCES = [
    resource("west/reader-token", deleted=True),
    resource("west/reader-token", deleted=True),
    resource("west/reader-token", deleted=False),
    resource("east/reader-token", deleted=False),
    resource("east/cacerts", deleted=True),
    resource("west/reader-token", deleted=True, kind="kubernetes:core/v1:ConfigMap"),
]


def test_only_reader_tokens_that_wait_to_be_deleted_are_superseded() -> None:
    assert superseded_tokens({"resources": RESOURCES}) == [TOKEN]
    assert superseded_tokens({"resources": RESOURCES[2:]}) == []


@pytest.mark.parametrize("deployment", [{}, {"resources": None}, {"resources": []}, {"resources": [{}]}])
def test_a_stack_that_was_never_up_has_none(deployment: dict[str, Any]) -> None:
    assert superseded_tokens(deployment) == []


def engine_of(checkout: Checkout, stacks: Path, tools: Path, backend: str = "") -> Engine:
    variables = {"PULUMI_BACKEND_URL": backend or local_backend_of(checkout)}
    return Engine(Environment(checkout, variables, tools, ""), read_stack_file(stacks, "good"))


def test_a_local_state_is_read_where_it_lies(checkout: Checkout, stacks: Path, tmp_path: Path) -> None:
    assert engine_of(checkout, stacks, tmp_path / "no tools").superseded_tokens() == []
    path = checkout.state / ".pulumi" / "stacks" / PROJECT / "good.json"
    path.parent.mkdir(parents=True)
    for state, expected in (
        ({"version": 3, "checkpoint": {"stack": "good", "latest": None}}, []),
        ({"version": 3, "checkpoint": {"stack": "good", "latest": {"resources": RESOURCES}}}, [TOKEN]),
    ):
        path.write_text(json.dumps(state), encoding="utf-8")
        assert engine_of(checkout, stacks, tmp_path / "no tools").superseded_tokens() == expected


def test_a_state_elsewhere_is_requested(checkout: Checkout, stacks: Path, tmp_path: Path, script: Any) -> None:
    checkout.root.mkdir()
    exported = tmp_path / "exported.json"
    exported.write_text(json.dumps({"version": 3, "deployment": {"resources": RESOURCES}}), encoding="utf-8")
    answers = f"""shift
case "$1 $2" in
"stack ls") echo '[{{"name": "good"}}]' ;;
"stack export") cat "{exported}" ;;
esac"""
    script(tmp_path / "tools" / "pulumi", answers)
    assert engine_of(checkout, stacks, tmp_path / "tools", "s3://bucket").superseded_tokens() == [TOKEN]


@dataclass
class MadeUp:
    """An engine whose runs report these events, one list a run, and which keeps what it was asked."""

    superseded: list[str]
    events: list[list[Any]]
    asked: list[dict[str, Any]] = field(default_factory=list)

    def superseded_tokens(self) -> list[str]:
        return self.superseded

    def recorded(self) -> dict[str, Any]:
        return {}

    def run(self, operation: str, hear: Any, **options: Any) -> Record:
        assert operation == "up"
        self.asked.append(options)
        record = Record()
        for event in self.events[len(self.asked) - 1]:
            record.add(event)
        return record


def session_with(checkout: Checkout, stacks: Path, engine: MadeUp) -> Session:
    file = read_stack_file(stacks, "good")
    made = Session(Checkout(stacks.parent, checkout.home), file, load(file.stack, file.config), quiet=True)
    made.__dict__["engine"] = engine
    return made


def test_without_superseded_tokens_an_up_is_one_run(checkout: Checkout, stacks: Path) -> None:
    engine = MadeUp([], [[done("west/cacerts", "update")]])
    record = session_with(checkout, stacks, engine).bring_up("up good", refresh=True)
    assert engine.asked == [{"refresh": True, "stage": None}]
    assert [str(change) for change in record.changes] == ["west: cacerts update"]


def test_superseded_tokens_are_left_alone_until_everything_else_is_done(checkout: Checkout, stacks: Path) -> None:
    events = [[done("east/remote-secrets", "update")], [done("west/reader-token", "delete-replaced")]]
    engine = MadeUp([TOKEN], events)
    record = session_with(checkout, stacks, engine).bring_up("up good", refresh=False)
    assert engine.asked == [{"refresh": False, "stage": None, "exclude": [TOKEN]}, {"stage": None}]
    assert [str(change) for change in record.changes] == [
        "east: remote-secrets update",
        "west: reader-token delete-replaced",
    ]


def test_they_stay_where_something_failed_again(checkout: Checkout, stacks: Path) -> None:
    engine = MadeUp([TOKEN], [[failed("east/remote-secrets", "update")]])
    with pytest.raises(EngineError, match="east: remote-secrets"):
        session_with(checkout, stacks, engine).bring_up("up good", refresh=False)
    assert engine.asked == [{"refresh": False, "stage": None, "exclude": [TOKEN]}]
