"""A stack whose file Pulumi could not read can still be destroyed, and stops no other from being destroyed."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshfleet.automation.checkout import Checkout
from meshfleet.automation.destruction import _stack_file, destroy_each
from meshfleet.automation.state.encryption_salt import secrets_configuration
from meshfleet.automation.state.stack_configuration import configuration_file, private_copy
from meshfleet.errors import EngineError
from meshfleet.topology import read_stack_file

pytestmark = pytest.mark.proof("a stack with a wrong file is destroyed, and stops no other", step=0)

ENCRYPTED = "config:\n  meshfleet:namespaces: {shop: {labels: {secure: 'yes'}}}\n"
SALT = "encryptionsalt: v1:AAAA:v1:AAAA:AAAA\n"


@pytest.mark.parametrize("text", [ENCRYPTED, "config: [", "config: {}\n---\nconfig: {}\n", "\0", "", None])
def test_pulumi_is_given_the_salt_alone(checkout: Checkout, text: str | None) -> None:
    checkout.stacks.mkdir(parents=True, exist_ok=True)
    if text is not None:
        (checkout.stacks / "Pulumi.wrong.yaml").write_text(text, encoding="utf-8")
    copy = private_copy(checkout, "wrong")
    copy.parent.mkdir(parents=True)
    # As an `up` of the release before left it.
    copy.write_text(f"{ENCRYPTED}{SALT}", encoding="utf-8")
    file = _stack_file(checkout, "wrong", "wrong")
    given = configuration_file(checkout, file)
    assert given.read_text(encoding="utf-8") == f"config: {{}}\n{SALT}"
    assert given.name == "Pulumi.wrong.yaml"
    assert copy.read_text(encoding="utf-8") == f"{ENCRYPTED}{SALT}"


def test_the_secrets_provider_of_a_wrong_file_is_kept(checkout: Checkout) -> None:
    folder = checkout.stacks / "examples"
    folder.mkdir(parents=True, exist_ok=True)
    own = "secretsprovider: awskms://alias/fleet\nencryptedkey: abc\n"
    (folder / "Pulumi.wrong.yaml").write_text(f"{own}{ENCRYPTED}", encoding="utf-8")
    assert secrets_configuration(checkout, "wrong").read_text(encoding="utf-8") == f"config: {{}}\n{own}"


def test_one_stack_that_cannot_be_destroyed_stops_no_other() -> None:
    seen: list[str] = []

    def destroy_one(stack: str) -> str:
        seen.append(stack)
        if stack in ("b", "d"):
            raise EngineError(f"destroy {stack} did not complete")
        return stack

    with pytest.raises(EngineError) as caught:
        destroy_each(["a", "b", "c", "d"], destroy_one)
    assert seen == ["a", "b", "c", "d"]
    assert str(caught.value).splitlines() == [
        "2 of 4 stacks were not removed:",
        "  b: destroy b did not complete",
        "  d: destroy d did not complete",
        "removed a, c",
    ]
    assert destroy_each(["a", "c"], destroy_one) == ["a", "c"]


def test_a_file_that_is_read_is_given_as_it_is(checkout: Checkout, stacks: Path) -> None:
    assert _stack_file(checkout, "good", "good").path == read_stack_file(stacks, "good").path
