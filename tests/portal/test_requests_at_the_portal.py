"""A real Envoy as the portal: what it refuses, and what an API server behind it gets of a request."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from meshfleet.portal.documents import documents, token_document
from meshfleet.portal.spec import Subjects
from meshfleet.processes.waiting import NotYetError, wait_until
from tests.portal.portal_under_test import (
    ISSUER,
    OWN_TOKEN,
    PROVIDER,
    ROTATED_TOKEN,
    SUBJECTS,
    PortalUnderTest,
    Signer,
    portal,
    read_answer,
)

pytestmark = pytest.mark.proof("The API portal", step=2)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, toolchain: object) -> Iterator[PortalUnderTest]:
    """One portal for all tests of this file."""
    with portal(tmp_path_factory.mktemp("portal")) as found:
        yield found


@pytest.fixture
def here(running: PortalUnderTest) -> PortalUnderTest:
    """That portal, with nothing received yet."""
    running.received.clear()
    return running


PATHS = {
    "/clusters/east/../west/api": 400,
    "/clusters/east/api/..": 400,
    "/clusters/east/./api": 400,
    "/clusters/east/..;/west/api": 400,
    "/clusters/../clusters/west/api": 400,
    "/clusters/east/%2e%2e/west/api": 400,
    "/clusters/east/%2E./west/api": 400,
    "/clusters/east%2fapi": 400,
    "/clusters/east%2Fapi": 400,
    "/clusters%2feast/api": 400,
    "/clusters/east/api%5c..%5cwest": 400,
    "/clusters/east/api%5Cv1": 400,
    "/clusters/east\\api": 400,
    "/clusters/east/%252e%252e/west": 400,
    "/clusters/east/%252fapi": 400,
    "/clusters/east/api%00": 400,
    "/clusters/east/api%0d%0aImpersonate-User:%20root": 400,
    "/clusters/east/api%7f": 400,
    "/clusters/east/api%2": 400,
    "/clusters/east/api%zz": 400,
    "/clusters/east/api\xe9": 400,
    "/clusters/east//api": 400,
    "/clusters//east/api": 400,
    "/clusters//api": 400,
    "//clusters/east/api": 400,
    "/clusters/east/api#/../../west": 400,
    "/clusters/": 404,
    "/clusters": 404,
    "/": 404,
    "/api/v1/pods": 404,
    "/Clusters/east/api": 404,
    "/clusters/East/api": 404,
    "/clusters/EAST/api": 404,
    "/clusters/%65ast/api": 404,
    "/clusters/east;a=b/api": 404,
    "/clusters/east%20/api": 404,
    "/clusters/eastern/api": 404,
    "/clusters/east.example.com/api": 404,
    "/clusters/unknown/api": 404,
}


def test_paths_with_two_readings_are_refused_by_a_status(here: PortalUnderTest) -> None:
    token = here.person()
    found = {path: here.send(path, token) for path in PATHS}
    assert {path: answer.code for path, answer in found.items()} == PATHS
    for answer in found.values():
        assert (answer.status["kind"], answer.status["status"]) == ("Status", "Failure")
        assert answer.status["code"] == answer.code
        assert answer.status["message"]
    assert 'no cluster "unknown"' in found["/clusters/unknown/api"].status["message"]
    assert here.received == []


def test_paths_without_a_second_reading_arrive_as_sent(here: PortalUnderTest) -> None:
    sent = (
        "/api/v1/namespaces/a/configmaps/b.c..d",
        "/apis/rbac.authorization.k8s.io/v1/clusterroles/system:node",
        "/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Anode",
        "/api/v1/pods?fieldSelector=metadata.name%3D../a%2Fb&watch=true",
        "/api/v1/pods?continue=%2e%2e//x",
        "/api/",
        "/",
    )
    for path in sent:
        assert here.send(f"/clusters/east{path}", here.person()).code == 200, path
    assert [one.line for one in here.received] == [f"GET {path} HTTP/1.1" for path in sent]
    assert here.send("/clusters/west", here.person()).status == {"server": "west", "path": "/"}


FORGED = (
    ("Impersonate-User", "system:admin"),
    ("impersonate-user", "root"),
    ("IMPERSONATE-GROUP", "system:masters"),
    ("Impersonate-Group", "system:masters"),
    ("Impersonate-Uid", "0"),
    ("Impersonate-Extra-Scopes", "all"),
    ("Impersonate-Extra-scopes.example.com%2fa", "all"),
    ("Impersonate", "x"),
    ("X-Remote-User", "system:admin"),
    ("X-Remote-Group", "system:masters"),
    ("X-Remote-Extra-Scopes", "all"),
    ("Proxy-Authorization", "Bearer theirs"),
)


def test_forged_headers_never_reach_a_cluster(here: PortalUnderTest) -> None:
    assert here.send("/clusters/east/api", here.person(), FORGED).code == 200
    (arrived,) = here.received
    assert arrived.values("impersonate-user") == ["oidc:alice"]
    assert arrived.values("impersonate-group") == ["staff", "system:authenticated"]
    assert arrived.values("authorization") == [f"Bearer {OWN_TOKEN}"]
    names = {name.lower() for name, _ in arrived.headers}
    assert names == {
        "authorization",
        "host",
        "impersonate-group",
        "impersonate-user",
        "x-forwarded-for",
        "x-forwarded-proto",
        "x-request-id",
    }


REFUSED_HEADERS: tuple[tuple[tuple[str, str], ...], ...] = (
    (("Impersonate_User", "system:admin"),),
    (("Authorization", "Bearer another"),),
    (("Authorization", "Basic YTpi"),),
    (("Connection", "Upgrade, Authorization"), ("Upgrade", "websocket")),
    (("Sec-WebSocket-Protocol", "v4.channel.k8s.io, base64url.bearer.authorization.k8s.io.dG9rZW4"),),
    (("Impersonate-User ", "system:admin"),),
    (("Impersonate-User", "a\x00b"),),
)


def test_headers_with_two_readings_are_refused(here: PortalUnderTest) -> None:
    for headers in REFUSED_HEADERS:
        assert here.send("/clusters/east/api", here.person(), headers).code == 400, headers
    assert here.received == []


STRANGER = Signer("host")
BOUND = {"namespace": "ci", "serviceaccount": {"name": "deployer"}}
TOKENS: dict[str, tuple[Callable[[PortalUnderTest], str], int]] = {
    "no token": (lambda here: "", 401),
    "no JWT": (lambda here: "letmein", 401),
    "the portal's own account": (lambda here: OWN_TOKEN, 401),
    "expired": (lambda here: here.account(exp=1), 401),
    "expired at the provider": (lambda here: here.person(exp=1), 401),
    "without an end": (lambda here: here.account(exp=None), 401),
    "not valid yet": (lambda here: here.account(nbf=1 << 40), 401),
    "another audience": (lambda here: here.account(aud=["vault"]), 401),
    "no audience": (lambda here: here.account(aud=None), 401),
    "an account of a member, whose issuer has the same name": (
        lambda here: STRANGER.token(
            {"iss": ISSUER, "aud": [ISSUER], "sub": "system:serviceaccount:ci:deployer", "kubernetes.io": BOUND}
        ),
        401,
    ),
    "an unknown issuer": (lambda here: here.host.token({"iss": "https://other", "aud": "portal", "sub": "alice"}), 401),
    "no issuer": (lambda here: here.host.token({"aud": "portal", "sub": "alice"}), 401),
    "the host's issuer by the provider's key": (
        lambda here: here.provider.token({"iss": ISSUER, "aud": [ISSUER]}),
        401,
    ),
    "the provider's issuer by the host's key": (
        lambda here: here.host.token({"iss": PROVIDER, "aud": "portal", "sub": "alice"}),
        401,
    ),
    "unsigned": (
        lambda here: here.host.token({"iss": PROVIDER, "aud": "portal", "sub": "alice"}, algorithm="none"),
        401,
    ),
    "no account in the claims": (lambda here: here.account(**{"kubernetes.io": None}), 401),
    "another account in the subject": (lambda here: here.account(sub="system:serviceaccount:ci:admin"), 401),
    "a user as subject of the host": (lambda here: here.account(sub="system:admin"), 401),
    "no name": (lambda here: here.person(""), 401),
    "a name that is no text": (lambda here: here.person(sub=7), 401),
    "a name with a line end": (lambda here: here.person(sub="alice\r\nImpersonate-Group: system:masters"), 401),
    "groups that are no list": (lambda here: here.person(groups={"a": {"b": "c"}}), 401),
    "a group with a line end": (lambda here: here.person(groups=["dev\nImpersonate-User: root"]), 401),
    "an undeclared person": (lambda here: here.person("mallory"), 403),
    "an undeclared account": (
        lambda here: here.account(
            sub="system:serviceaccount:ci:other",
            **{"kubernetes.io": {"namespace": "ci", "serviceaccount": {"name": "other"}}},
        ),
        403,
    ),
}


def test_tokens_that_prove_no_declared_name_are_refused(here: PortalUnderTest) -> None:
    found = {what: here.send("/clusters/east/api", token(here)) for what, (token, _) in TOKENS.items()}
    assert {what: answer.code for what, answer in found.items()} == {what: code for what, (_, code) in TOKENS.items()}
    assert {answer.status["kind"] for answer in found.values()} == {"Status"}
    # Whoever is not known learns of no cluster.
    assert here.send("/clusters/unknown/api").code == 401
    assert here.received == []


def test_tokens_in_the_query_are_no_tokens(here: PortalUnderTest) -> None:
    assert here.send(f"/clusters/east/api?access_token={here.person()}").code == 401


def test_sender_arrives_with_name_and_all_groups(here: PortalUnderTest) -> None:
    known = ["system:authenticated"]
    cases = {
        here.person("bob"): ("oidc:bob", known),
        here.person("bob", groups="dev"): ("oidc:bob", ["oidc:dev", *known]),
        here.person("bob", groups=["dev", "dev", "unknown"]): ("oidc:bob", ["oidc:dev", *known]),
        # Declared groups of a user are added; a prefix keeps the provider from naming others.
        here.person(groups=["ops", "staff", "dev"]): ("oidc:alice", ["oidc:dev", "staff", *known]),
        here.person(groups=["system:masters"]): ("oidc:alice", ["staff", *known]),
        here.account(): (
            "system:serviceaccount:ci:deployer",
            ["system:serviceaccounts", "system:serviceaccounts:ci", *known],
        ),
    }
    for token, (user, groups) in cases.items():
        assert here.send("/clusters/east/api", token).code == 200
        arrived = here.received.pop()
        assert (arrived.values("impersonate-user"), arrived.values("impersonate-group")) == ([user], groups)


def test_client_certificate_gives_name_and_groups(here: PortalUnderTest) -> None:
    issue = here.clients.issue
    for certificate, groups in (
        (issue("carol"), []),
        (issue("carol", "ops", "staff", "unknown"), ["ops", "staff"]),
        (issue("carol", "x,O=ops", "y+O=staff", 'z"\\'), []),
    ):
        # One that has proved a name by a certificate needs no token, and no token of another passes with it.
        assert here.send("/clusters/east/api", certificate=certificate).code == 200
        arrived = here.received.pop()
        assert arrived.values("impersonate-user") == ["carol"]
        assert sorted(arrived.values("impersonate-group")) == [*groups, "system:authenticated"]
        assert arrived.values("authorization") == [f"Bearer {OWN_TOKEN}"]
    assert here.send("/clusters/east/api", "letmein", certificate=issue("carol")).code == 401
    for name, organizations, code in (
        ("", ("ops",), 401),
        ("carol", ("system:masters",), 403),
        ("system:admin", (), 403),
        ("system:serviceaccount:ci:deployer", (), 403),
        ("mallory", ("ops",), 403),
        ("car\nol", (), 403),
        ("carol,O=ops", (), 403),
    ):
        assert here.send("/clusters/east/api", certificate=issue(name, *organizations)).code == code, name
    assert here.received == []


def test_certificate_of_another_authority_ends_the_handshake(here: PortalUnderTest, tmp_path: Path) -> None:
    stranger = type(here.clients)(tmp_path)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        here.send("/clusters/east/api", certificate=stranger.issue("carol"))


def test_cluster_that_is_gone_is_503_by_name(here: PortalUnderTest) -> None:
    answer = here.send("/clusters/gone/api/v1/pods", here.person())
    assert (answer.code, answer.status["reason"], answer.status["code"]) == (503, "ServiceUnavailable", 503)
    assert 'cluster "gone" is not reachable' in answer.status["message"]


def test_upgraded_connections_carry_both_ways(here: PortalUnderTest) -> None:
    for upgrade in ("websocket", "SPDY/3.1"):
        with here.connect() as connection:
            lines = [
                "POST /clusters/east/api/v1/namespaces/a/pods/b/exec?command=secret HTTP/1.1",
                "Host: portal",
                f"Authorization: Bearer {here.person()}",
                "Connection: Upgrade",
                f"Upgrade: {upgrade}",
            ]
            connection.sendall("\r\n".join([*lines, "", ""]).encode())
            answer = read_answer(connection)
            assert (answer.code, answer.headers["upgrade"]) == (101, upgrade)
            for sent in (b"stdin\x00\xff", b"more"):
                connection.sendall(sent)
                assert connection.recv(100) == sent
        assert here.received.pop().values("impersonate-user") == ["oidc:alice"]
        # There is a line as soon as the terminal is open.
        opened = here.audit(answer.headers["x-request-id"])[0]
        assert (opened["event"], opened["upgrade"]) == ("DownstreamTunnelSuccessfullyEstablished", upgrade)


def test_each_request_leaves_an_audit_line_without_secrets(here: PortalUnderTest) -> None:
    token = here.person(groups=["dev"])
    done = here.send("/clusters/east/api/v1/secrets?token=hidden", token, method="POST")
    (line,) = here.audit(done.headers["x-request-id"])
    assert line.pop("time").endswith("Z")
    assert line.pop("durationMs") >= 0
    assert line == {
        "event": "DownstreamEnd",
        "requestId": done.headers["x-request-id"],
        "source": "127.0.0.1",
        "user": "oidc:alice",
        "groups": ["oidc:dev", "staff", "system:authenticated"],
        "cluster": "east",
        "method": "POST",
        "path": "/clusters/east/api/v1/secrets",
        "upgrade": None,
        "code": 200,
        "flags": "-",
    }
    for path, sent, user, code in (
        ("/clusters/gone/api", token, "oidc:alice", 503),
        ("/clusters/east/api", "letmein", None, 401),
        ("/clusters/east/../api", token, None, 400),
        ("/clusters/east/api", here.person("mallory"), "oidc:mallory", 403),
    ):
        answer = here.send(path, sent)
        (line,) = here.audit(answer.headers["x-request-id"])
        assert (line["code"], line["user"], line["path"]) == (code, user, path)
    written = (here.directory / "audit.jsonl").read_text()
    assert "hidden" not in written
    assert token not in written


def test_aborted_and_upgraded_requests_leave_a_line_when_they_end(here: PortalUnderTest) -> None:
    for upgrade in (None, "websocket"):
        path = "/clusters/east/held" if upgrade is None else "/clusters/east/api/v1/namespaces/a/pods/b/exec"
        with here.connect() as connection:
            lines = [f"GET {path} HTTP/1.1", "Host: portal", f"Authorization: Bearer {here.person()}"]
            more = [f"Upgrade: {upgrade}", "Connection: Upgrade"] if upgrade else ["Content-Length: 10"]
            connection.sendall("\r\n".join([*lines, *more, "", ""]).encode())
            if upgrade:
                assert read_answer(connection).code == 101
            else:
                wait_until(lambda: _arrived(here), "the request", 10, "look at the log")

        def ended(path: str = path) -> Any:
            written = map(json.loads, (here.directory / "audit.jsonl").read_text().splitlines())
            for line in written:
                if (line["path"], line["event"]) == (path, "DownstreamEnd"):
                    return line
            raise NotYetError("no line")

        line = wait_until(ended, "the audit line", 10, "look at the log")
        assert (line["user"], line["cluster"], line["upgrade"]) == ("oidc:alice", "east", upgrade)
        assert "DC" in line["flags"]


def _arrived(here: PortalUnderTest) -> None:
    if not here.received:
        raise NotYetError("nothing")


def test_audit_lines_cannot_be_forged(here: PortalUnderTest) -> None:
    """Whatever a sender writes is a value in a line of JSON, and the ID of a request is the portal's."""
    token = here.person()
    forged = '","user":"root","code":200,"x":"'
    sent = (
        (f"/clusters/east/api{forged}", ()),
        ("/clusters/east/api%0a{}", ()),
        ("/clusters/east/api", (("X-Request-Id", "mine"), ("X-Forwarded-For", forged), ("X-Real-Ip", "10.0.0.1"))),
        ("/clusters/east/api", (("Upgrade", f"{forged}{token}"), ("Connection", "upgrade"))),
    )
    for path, headers in sent:
        answer = here.send(path, token, headers)
        (line,) = here.audit(answer.headers["x-request-id"])
        assert line["requestId"] != "mine"
        # Another protocol than those of terminals is refused before its path is read.
        assert line["path"] == (None if ("Connection", "upgrade") in headers else path)
        assert (line["source"], line["code"]) == ("127.0.0.1", answer.code)
        assert line["user"] in ("oidc:alice", None)
    certificate = here.clients.issue('car"ol', "ops")
    answer = here.send("/clusters/east/api", certificate=certificate)
    (line,) = here.audit(answer.headers["x-request-id"])
    assert (line["user"], line["code"]) == ('car"ol', 403)
    written = (here.directory / "audit.jsonl").read_text()
    assert "root" not in {json.loads(line)["user"] for line in written.splitlines()}
    assert token not in written


def test_rotated_account_and_revoked_user_take_effect_at_once(here: PortalUnderTest) -> None:
    """An open stream goes on meanwhile, as it does at an API server."""
    bob = here.person("bob")
    with here.connect() as stream:
        lines = ["GET /clusters/east/exec HTTP/1.1", "Host: portal", f"Authorization: Bearer {bob}"]
        stream.sendall("\r\n".join([*lines, "Connection: Upgrade", "Upgrade: websocket", "", ""]).encode())
        assert read_answer(stream).code == 101
        here.put("tokens/west.json", token_document(ROTATED_TOKEN))

        def injected() -> None:
            here.send("/clusters/west/api", bob)
            if (found := here.received.pop().values("authorization")) != [f"Bearer {ROTATED_TOKEN}"]:
                raise NotYetError(str(found))

        wait_until(injected, "the other token", 10, "look at the log")
        left = replace(SUBJECTS, users={"oidc:alice": ("staff",)})
        members = tuple(replace(one, subjects=left if one.name == "east" else SUBJECTS) for one in here.spec.members)
        here.put("routes.json", documents(replace(here.spec, members=members), str(here.directory))["routes.json"])

        def revoked() -> None:
            if (code := here.send("/clusters/east/api", bob).code) != 403:
                raise NotYetError(str(code))

        wait_until(revoked, "the revocation", 10, "look at the log")
        assert here.send("/clusters/west/api", bob).code == 200
        stream.sendall(b"still here")
        assert stream.recv(100) == b"still here"


def test_names_in_scripts_end_no_quotes(here: PortalUnderTest) -> None:
    """What is declared is data, whatever it looks like."""
    strange = 'x"]=1} os.exit(1) --[[\\\n'
    subjects = Subjects(users={strange: (strange,)}, groups=(strange, "ops"))
    members = (replace(here.spec.members[0], subjects=subjects),)
    here.put("routes.json", documents(replace(here.spec, members=members), str(here.directory))["routes.json"])

    def taken() -> None:
        if (code := here.send("/clusters/west/api", here.person()).code) != 404:
            raise NotYetError(str(code))

    wait_until(taken, "the routes", 10, "look at the log")
    answer = here.send("/clusters/east/api", here.person())
    assert (answer.code, json.loads(answer.body)["message"]) == (403, '"oidc:alice" is not declared for cluster "east"')
