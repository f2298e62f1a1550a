"""What a portal is made of: Envoy's documents, and the rights of its account."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

from meshfleet.portal import rights
from meshfleet.portal.documents import documents
from meshfleet.portal.script import lua
from meshfleet.portal.spec import Address, HostAccounts, Member, OidcProvider, PortalSpec, Subjects

pytestmark = pytest.mark.proof("The API portal", step=0)

EAST = Address("10.0.0.1", 6443, "EAST AUTHORITY")
SUBJECTS = Subjects({"alice": ("staff",)}, ("dev", "staff"), (("ci", "deployer"), ("apps", "deployer"), ("ci", "bot")))
SPEC = PortalSpec(
    addresses=("127.0.0.1", "::1"),
    port=8443,
    members=(
        Member("east", EAST, SUBJECTS),
        Member("west", Address("west.example.com", 443, "WEST AUTHORITY", "api.west"), Subjects()),
    ),
    host_accounts=HostAccounts("https://issuer", ("https://issuer",), EAST),
    oidc={
        "login": OidcProvider("https://login", ("portal",), "email", jwks_uri="https://login/keys", authority="LOGIN"),
        "fixed": OidcProvider("https://fixed", ("portal",), username_prefix="fixed:", jwks='{"keys": []}'),
    },
    client_authority="PEOPLE",
)


def test_documents_follow_from_the_declaration(snapshot: SnapshotAssertion) -> None:
    found = documents(replace(SPEC, addresses=("127.0.0.1",)), "/portal")
    # The scripts are in files of their own.
    text = json.dumps(found)
    assert "function envoy_on_request" in text
    shown = json.loads(text, object_hook=_without_scripts)
    assert shown == snapshot(extension_class=JSONSnapshotExtension)


def _without_scripts(found: dict[str, Any]) -> dict[str, Any]:
    source = found.get("inline_string", "")
    if "function envoy_on_request" in source:
        lines = [line for line in source.splitlines() if line.startswith("local ") and "function" not in line]
        return {"inline_string": lines[:5]}
    return found


def test_each_address_has_a_listener() -> None:
    found = documents(SPEC, "/portal")["listeners.json"]["resources"]
    assert [one["address"]["socket_address"]["address"] for one in found] == ["127.0.0.1", "::1"]


def test_version_of_a_document_follows_from_its_content() -> None:
    first, same = (documents(SPEC, "/portal")["routes.json"]["version_info"] for _ in range(2))
    other = documents(replace(SPEC, members=SPEC.members[:1]), "/portal")["routes.json"]["version_info"]
    assert first == same
    assert first != other


def test_account_may_impersonate_the_declared_alone() -> None:
    rules = rights.cluster_role(SUBJECTS)["rules"]
    assert {rule["resources"][0]: rule["resourceNames"] for rule in rules} == {
        "users": ["alice"],
        "groups": [
            "dev",
            "staff",
            "system:authenticated",
            "system:serviceaccounts",
            "system:serviceaccounts:apps",
            "system:serviceaccounts:ci",
        ],
    }
    roles = [one for one in rights.namespaced(SUBJECTS) if one["kind"] == "Role"]
    assert {one["metadata"]["namespace"]: one["rules"][0]["resourceNames"] for one in roles} == {
        "apps": ["deployer"],
        "ci": ["bot", "deployer"],
    }


_NAMES = st.text("ab:*", min_size=1, max_size=4)


@given(
    users=st.dictionaries(_NAMES, st.lists(_NAMES, max_size=2).map(tuple), max_size=4),
    groups=st.lists(_NAMES, max_size=4).map(tuple),
    accounts=st.lists(st.tuples(_NAMES, _NAMES), max_size=4).map(tuple),
)
def test_every_rule_has_names_and_impersonates_only(
    users: dict[str, tuple[str, ...]], groups: tuple[str, ...], accounts: tuple[tuple[str, str], ...]
) -> None:
    """A rule without names would mean everybody."""
    subjects = Subjects(users, groups, accounts)
    objects = [rights.cluster_role(subjects), *rights.namespaced(subjects)]
    rules = [rule for one in objects for rule in one.get("rules", [])]
    assert all(rule["resourceNames"] and rule["verbs"] == ["impersonate"] for rule in rules)
    named = {name for rule in rules for name in rule["resourceNames"]}
    system = {name for name in named if name.startswith("system:")} - set(users) - set(groups)
    assert named - system <= {*users, *groups, *(name for _, name in accounts)}
    assert "system:masters" not in system


@given(st.text(max_size=30))
def test_texts_in_scripts_have_no_character_of_their_own(text: str) -> None:
    quoted = lua(text)
    assert quoted.startswith('"')
    inside = quoted[1:-1]
    assert '"' not in inside
    assert "\n" not in inside
    assert "\\" not in inside.replace("\\0", "").replace("\\1", "").replace("\\2", "")
