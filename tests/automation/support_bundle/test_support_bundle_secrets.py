"""A bundle holds what it is given within bounds, and no secret, whatever it stands in."""

from __future__ import annotations

import base64
import io
import json
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshfleet.automation.support_bundle import bundle as module
from meshfleet.automation.support_bundle.bundle import MANIFEST, Bundle, plain
from meshfleet.automation.support_bundle.secrets import secrets_in_kubeconfig

pytestmark = pytest.mark.proof("a support bundle holds what is needed and no secret", step=0)

BODY = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg"
KEY = f"-----BEGIN PRIVATE KEY-----\n{BODY}\n{BODY[::-1]}\n-----END PRIVATE KEY-----\n"
TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJyZWFkZXIifQ.c2lnbmF0dXJlLW9mLXRoZS10b2tlbg"
PASSPHRASE = "8pFhQ-x0_Tt9bA"


def members(bundle: Bundle) -> dict[str, str]:
    with tarfile.open(fileobj=io.BytesIO(bundle.as_tar())) as archive:
        found = {}
        for member in archive:
            file = archive.extractfile(member)
            assert file is not None
            assert member.mode == 0o600
            found[member.name.partition("/")[2]] = file.read().decode()
        return found


FORMS = st.sampled_from(
    [
        KEY,
        KEY.replace("\n", "\\n"),
        json.dumps({"a": KEY}),
        json.dumps({"a": json.dumps({"key.pem": KEY})}),
        base64.b64encode(KEY.encode()).decode(),
        f"client-key-data: {base64.b64encode(KEY.encode()).decode()}",
        f"Authorization: Bearer {TOKEN}",
        f"token: {TOKEN}",
        f"password: {PASSPHRASE}",
        f"the passphrase is {PASSPHRASE}, really",
    ]
)
GIVEN_AWAY = (BODY, BODY[::-1], TOKEN.partition(".")[2], PASSPHRASE, base64.b64encode(KEY.encode()).decode()[40:80])


@given(st.lists(st.one_of(FORMS, st.text(st.characters(codec="utf-8"), max_size=20)), max_size=6))
def test_no_secret_is_in_any_member_whatever_stands_around_it(pieces: list[str]) -> None:
    bundle = Bundle()
    bundle.hide([PASSPHRASE])
    bundle.add("text.log", "\n".join(pieces))
    bundle.add("value.json", {"inner": pieces})
    bundle.failed("part", "; ".join(pieces))
    for text in members(bundle).values():
        assert [secret for secret in GIVEN_AWAY if secret in text] == []


def test_what_is_no_secret_stays() -> None:
    bundle = Bundle()
    bundle.add("a.log", f"before\n{KEY}after token bucket\n")
    assert members(bundle)["a.log"].startswith("before\n")
    assert members(bundle)["a.log"].endswith("after token bucket\n")


def test_values_are_left_out_by_their_keys_and_envoys_secrets_as_a_whole() -> None:
    dump = {
        "configs": [
            {"@type": "type.googleapis.com/envoy.admin.v3.SecretsConfigDump", "dynamic_active_secrets": [{"x": 1}]},
            {"@type": "other", "private_key": {"inline_bytes": "c2VjcmV0"}, "name": "kept"},
        ]
    }
    text = json.dumps(plain(dump))
    assert "c2VjcmV0" not in text
    assert "dynamic_active_secrets" not in text
    assert "kept" in text


def test_a_long_member_keeps_its_end_and_a_full_bundle_says_what_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MEMBER_LIMIT", 10)
    monkeypatch.setattr(module, "BUNDLE_LIMIT", 15)
    bundle = Bundle()
    bundle.add("first", "x" * 20 + "end")
    bundle.add("second", "y" * 20)
    found = members(bundle)
    assert found["first"] == "xxxxxxxend"
    manifest = json.loads(found[MANIFEST])
    assert manifest["members"] == [{"name": "first", "characters": 10, "cut": True, "error": ""}]
    assert "left out" in manifest["missing"]["second"]


@pytest.mark.parametrize("text", ["users:\n- user:\n    token: abc.def-ghi\n", '{"user": {"token": "abc.def-ghi"}}'])
def test_credentials_of_a_kubeconfig_are_known_as_they_are_written(text: str) -> None:
    assert secrets_in_kubeconfig(text) == {"abc.def-ghi"}
