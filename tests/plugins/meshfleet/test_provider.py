"""Translation between the engine and the handlers: defaults, secrecy, what is unknown, what changed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshfleet.errors import UnsupportedError
from meshfleet.plugins import protocol
from meshfleet.plugins.meshfleet.conversion import plain, wired
from meshfleet.plugins.meshfleet.handler import (
    UNKNOWN,
    Created,
    Difference,
    Fault,
    Properties,
    ResourceHandler,
    changed,
)
from meshfleet.plugins.meshfleet.provider import MeshfleetProvider, load_handler
from meshfleet.plugins.property_value import PropertyValue

pytestmark = pytest.mark.proof("the native provider's protocol", step=0)

URN = "urn:pulumi:dev::meshfleet::meshfleet:index:Thing::west"
TOKENS = [
    "meshfleet:index:GatewayAddress",
    "meshfleet:index:EmbeddedCluster",
    "meshfleet:index:CertManager",
    "meshfleet:index:CertManagerIntermediate",
    "meshfleet:index:IntermediateCertificateAuthority",
    "meshfleet:index:Istiod",
    "meshfleet:index:IstiodAddress",
    "meshfleet:index:RootCertificateAuthority",
]


class Thing:
    """A handler that remembers what it was asked."""

    outputs = frozenset({"key", "state"})
    secret_inputs = frozenset({"token"})
    secret_outputs = frozenset({"key"})

    def __init__(self) -> None:
        self.seen: list[Any] = []
        self.difference = Difference()
        self.live: Properties | None = {"key": "k", "state": "running"}

    def check(self, inputs: Properties) -> tuple[Properties, list[Fault]]:
        self.seen.append(inputs)
        return {"size": 1, **inputs}, [] if inputs.get("name") else [Fault("name", "is missing")]

    def diff(self, old_inputs: Properties, old_outputs: Properties, new_inputs: Properties) -> Difference:
        self.seen.append((old_inputs, old_outputs, new_inputs))
        return self.difference

    def preview(self, old_outputs: Properties | None, new_inputs: Properties) -> Properties:
        return {"state": "running"}

    def create(self, inputs: Properties, timeout: float) -> Created:
        self.seen.append((inputs, timeout))
        return Created("west", {"key": "k", "state": "running"})

    def read(self, identifier: str, inputs: Properties, old_outputs: Properties) -> Properties | None:
        self.seen.append((identifier, inputs, old_outputs))
        return self.live

    def update(
        self, identifier: str, old_inputs: Properties, old_outputs: Properties, new_inputs: Properties, timeout: float
    ) -> Properties:
        self.seen.append((identifier, old_inputs, old_outputs, new_inputs))
        return {"key": "k2", "state": "running"}

    def delete(self, identifier: str, inputs: Properties, old_outputs: Properties, timeout: float) -> None:
        self.seen.append((identifier, inputs, old_outputs))


@pytest.fixture
def thing() -> Thing:
    return Thing()


@pytest.fixture
def provider(thing: Thing) -> MeshfleetProvider:
    return MeshfleetProvider(lambda token: thing)


def values(**properties: Any) -> dict[str, PropertyValue]:
    return {name: value if isinstance(value, PropertyValue) else wired(value) for name, value in properties.items()}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**50), 2**50) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(json_values)
def test_a_value_survives_the_way_to_the_wire_and_back(value: Any) -> None:
    assert plain(PropertyValue.unmarshal(wired(value).marshal())) == value


@pytest.mark.parametrize("token", TOKENS)
def test_every_type_has_a_handler_that_keeps_secrets(token: str) -> None:
    handler: ResourceHandler = load_handler(token)
    assert handler.secret_outputs <= handler.outputs
    assert not {"kubeconfig", "privateKey"} & (handler.outputs - handler.secret_outputs)


def test_an_unknown_type_is_refused_with_those_there_are() -> None:
    with pytest.raises(UnsupportedError, match=r"meshfleet:index:Nothing: no such resource type.*EmbeddedCluster"):
        load_handler("meshfleet:index:Nothing")


def test_check_fills_in_defaults_keeps_secrecy_and_makes_secret_what_must_be(
    provider: MeshfleetProvider, thing: Thing
) -> None:
    given_inputs = values(name=PropertyValue("west", is_secret=True), token="t", nothing=None)
    answer = provider.check(protocol.CheckRequest(URN, {}, given_inputs))
    assert answer.failures == []
    assert answer.inputs is not None
    assert {name: (plain(value), value.is_secret) for name, value in answer.inputs.items()} == {
        "size": (1, False),
        "name": ("west", True),
        "token": ("t", True),
    }
    assert thing.seen == [{"name": "west", "token": "t"}]


def test_faults_name_the_property(provider: MeshfleetProvider) -> None:
    answer = provider.check(protocol.CheckRequest(URN, {}, {}))
    assert answer.failures == [protocol.CheckFailure("name", "is missing")]


def test_a_preview_of_a_create_acts_on_nothing_and_leaves_the_rest_unknown(
    provider: MeshfleetProvider, thing: Thing
) -> None:
    request = protocol.CreateRequest(URN, values(name="west", of=PropertyValue.computed()), preview=True)
    answer = provider.create(request)
    assert thing.seen == []
    assert {name: plain(value) for name, value in answer.properties.items()} == {
        "name": "west",
        "of": UNKNOWN,
        "state": "running",
        "key": UNKNOWN,
    }
    assert answer.properties["key"].is_secret


def test_a_create_returns_inputs_and_outputs_with_their_secrecy(provider: MeshfleetProvider, thing: Thing) -> None:
    request = protocol.CreateRequest(URN, values(name="west", token=PropertyValue("t", is_secret=True)), timeout=7)
    answer = provider.create(request)
    assert answer.resource_id == "west"
    assert {name: (plain(value), value.is_secret) for name, value in answer.properties.items()} == {
        "name": ("west", False),
        "token": ("t", True),
        "key": ("k", True),
        "state": ("running", False),
    }
    assert thing.seen == [({"name": "west", "token": "t"}, 7)]


def test_a_diff_distinguishes_inputs_from_outputs_and_honours_ignored_changes(
    provider: MeshfleetProvider, thing: Thing
) -> None:
    thing.difference = Difference(updates=("size", "state"), replaces=("zone",), delete_before_replace=True)
    request = protocol.DiffRequest(
        URN,
        "west",
        old_state=values(name="west", size=1, key="k", state="running"),
        new_inputs=values(name="other", size=2, zone="a"),
        ignore_changes=["name"],
        old_inputs=values(name="west", size=1),
    )
    answer = provider.diff(request)
    assert thing.seen == [
        (
            {"name": "west", "size": 1},
            {"key": "k", "state": "running"},
            {"name": "west", "size": 2, "zone": "a"},
        )
    ]
    assert answer.changes
    assert answer.delete_before_replace
    assert list(answer.replaces) == ["zone"]
    kinds = protocol.PropertyDiffKind
    assert answer.detailed_diff == {
        "size": protocol.PropertyDiff(kinds.UPDATE, input_diff=True),
        "state": protocol.PropertyDiff(kinds.UPDATE),
        "zone": protocol.PropertyDiff(kinds.ADD_REPLACE, input_diff=True),
    }


def test_no_difference_is_said_to_be_none(provider: MeshfleetProvider) -> None:
    assert provider.diff(protocol.DiffRequest(URN, "west", {}, {})).changes is False


def test_a_read_of_what_is_gone_has_no_id(provider: MeshfleetProvider, thing: Thing) -> None:
    request = protocol.ReadRequest(URN, "west", values(key="k", state="running"), values(name="west"))
    assert provider.read(request).resource_id == "west"
    thing.live = None
    assert not provider.read(request).resource_id


def test_an_import_is_refused_with_what_to_do_instead(provider: MeshfleetProvider) -> None:
    with pytest.raises(UnsupportedError, match="import is not supported for meshfleet:index:Thing; declare it"):
        provider.read(protocol.ReadRequest(URN, "west", {}, {}))


def test_an_update_sees_old_and_new_and_its_preview_acts_on_nothing(provider: MeshfleetProvider, thing: Thing) -> None:
    request = protocol.UpdateRequest(
        URN,
        "west",
        olds=values(name="west", size=1, key="k", state="stopped"),
        news=values(name="west", size=2),
        preview=True,
        old_inputs=values(name="west", size=1),
    )
    assert plain(provider.update(request).properties["key"]) is UNKNOWN
    assert thing.seen == []
    request.preview = False
    answer = provider.update(request)
    assert thing.seen == [
        ("west", {"name": "west", "size": 1}, {"key": "k", "state": "stopped"}, {"name": "west", "size": 2})
    ]
    assert plain(answer.properties["key"]) == "k2"
    assert answer.properties["key"].is_secret


def test_a_delete_knows_the_inputs_even_from_the_state_alone(provider: MeshfleetProvider, thing: Thing) -> None:
    provider.delete(protocol.DeleteRequest(URN, "west", values(name="west", key="k", state="running")))
    assert thing.seen == [("west", {"name": "west"}, {"key": "k", "state": "running"})]


def test_what_is_unknown_differs_from_everything() -> None:
    assert changed({"a": 1, "b": 2}, {"a": UNKNOWN, "b": 2, "c": 3}) == ("a", "c")
