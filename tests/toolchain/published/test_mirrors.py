"""A file of mirrors says where files come from; all that is wrong in it is named at once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from meshfleet.errors import ToolchainError
from meshfleet.toolchain.published.mirrors import addresses_for, parse_mirrors
from meshfleet.toolchain.published.requests import Requests
from meshfleet.toolchain.published.table import standard_table
from tests.tls_servers import api_server, self_signed

pytestmark = pytest.mark.proof("published programs come from a mirror by configuration", step=0)

STANDARD = {"kubernetes": "https://k8s.invalid", "helm": "https://helm.invalid"}


def test_without_a_file_publishers_are_used_themselves() -> None:
    table = standard_table()
    addresses = addresses_for(table, "")
    assert addresses is not None
    assert addresses.url("helm", "a.tar.gz") == f"{table.publishers['helm'].url}/a.tar.gz"
    assert addresses_for(table, "off") is None


def test_a_mirror_is_for_one_publisher_or_all_others(tmp_path: Path) -> None:
    publishers = {"helm": "https://m.invalid/h/", "*": "https://m.invalid/all/{name}"}
    text = json.dumps({"publishers": publishers, "certificateAuthority": "ca"})
    addresses = parse_mirrors(text, STANDARD, tmp_path / "mirrors.json")
    assert addresses.bases == {"kubernetes": "https://m.invalid/all/kubernetes", "helm": "https://m.invalid/h"}
    assert addresses.mirrored == {"kubernetes", "helm"}
    assert addresses.authority == tmp_path / "ca"


WRONG = {
    "": "is not JSON",
    "[]": "must be a JSON object",
    '{"publishers": []}': "must be a JSON object",
    '{"publishers": {"hlem": "https://m.invalid"}}': "publishers.hlem: unknown; use helm, kubernetes or *",
    '{"publisher": {}}': "publisher: unknown; use publishers, certificateAuthority",
    '{"publishers": {"helm": "http://m.invalid"}}': "must be an https:// URL",
    '{"publishers": {"helm": "file:///etc"}}': "must be an https:// URL",
    '{"publishers": {"helm": 5}}': "must be an https:// URL",
    '{"publishers": {"*": "https://[::1"}}': "publishers.*: must be an https:// URL",
    '{"publishers": {"helm": "https://u:p@m.invalid"}}': "must have no user, query or fragment",
    '{"publishers": {"helm": "https://m.invalid?a"}}': "must have no user, query or fragment",
    '{"certificateAuthority": 5}': "certificateAuthority: must be the path",
}


@pytest.mark.parametrize("text", WRONG)
def test_a_wrong_file_is_named_with_what_is_wrong(text: str, tmp_path: Path) -> None:
    with pytest.raises(ToolchainError) as caught:
        parse_mirrors(text, STANDARD, tmp_path / "mirrors.json")
    assert WRONG[text] in str(caught.value)
    assert str(tmp_path / "mirrors.json") in str(caught.value)
    assert "u:p" not in str(caught.value)


def test_all_that_is_wrong_is_named_at_once(tmp_path: Path) -> None:
    text = '{"publishers": {"helm": 1, "kubernetes": 2, "x": ""}, "y": 1, "certificateAuthority": 1}'
    with pytest.raises(ToolchainError) as caught:
        parse_mirrors(text, STANDARD, tmp_path / "mirrors.json")
    assert all(word in str(caught.value) for word in ("helm", "kubernetes", "x:", "y:", "certificateAuthority:"))


def test_plain_http_is_for_this_machine(tmp_path: Path) -> None:
    text = '{"publishers": {"helm": "http://127.0.0.1:80/h", "kubernetes": "http://localhost"}}'
    assert parse_mirrors(text, STANDARD, tmp_path / "m").bases["helm"] == "http://127.0.0.1:80/h"


@pytest.mark.parametrize("content", [None, b"\xff"])
def test_a_file_that_cannot_be_read_is_named(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "mirrors.json"
    if content:
        path.write_bytes(content)
    with pytest.raises(ToolchainError, match=f"MESHFLEET_PUBLISHERS: {path}"):
        addresses_for(standard_table(), str(path))


def test_the_authority_of_a_mirror_is_trusted_and_no_other(tmp_path: Path) -> None:
    certificate = self_signed("localhost", "127.0.0.1")
    (tmp_path / "ca.pem").write_bytes(certificate[0])
    with api_server(tmp_path, certificate, body=b"page") as seen:
        text = f'{{"publishers": {{"helm": "{seen.url}"}}, "certificateAuthority": "ca.pem"}}'
        trusted = Requests(parse_mirrors(text, STANDARD, tmp_path / "m"))
        assert trusted.page(f"{seen.url}/x").content == b"page"
        other = Requests(parse_mirrors("{}", STANDARD, tmp_path / "m"))
        with pytest.raises(ToolchainError, match="certificate"):
            other.page(f"{seen.url}/x")
        for one in (trusted, other):
            one.close()


def test_publishers_are_reached_through_the_proxy_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with api_server(tmp_path, None, body=b"page") as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.delenv("no_proxy", raising=False)
        requests = Requests(parse_mirrors("{}", STANDARD, tmp_path / "m"))
        assert requests.page("http://helm.invalid/x").content == b"page"
        assert proxy.requests[0][0] == "GET http://helm.invalid/x HTTP/1.1"
        monkeypatch.setenv("no_proxy", "helm.invalid")
        with pytest.raises(ToolchainError, match="its name is unknown here"):
            requests.page("http://helm.invalid/x")
        requests.close()


def test_an_authority_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing")
    with pytest.raises(ToolchainError, match=r"certificateAuthority: .*ca\.pem cannot be used"):
        Requests(parse_mirrors('{"certificateAuthority": "ca.pem"}', STANDARD, tmp_path / "m"))
