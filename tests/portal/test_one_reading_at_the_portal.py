"""A real Envoy as the portal: a request has one reading, or none, and a script that fails lets nothing through."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from meshfleet.portal.documents import documents, ready
from meshfleet.processes.waiting import NotYetError, wait_until
from tests.portal.portal_under_test import Answer, PortalUnderTest, portal, read_answer

pytestmark = pytest.mark.proof("The API portal", step=2)

API = "/clusters/east/api"


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


def raw(here: PortalUnderTest, text: str) -> Answer:
    """What comes for these bytes."""
    with here.connect() as connection:
        connection.sendall(text.encode("latin-1"))
        return read_answer(connection)


OF_PROXIES = (
    "X-Forwarded-For: 10.9.8.7",
    "X-Forwarded-Proto: http",
    "X-Forwarded-Host: evil",
    "X-Forwarded-Port: 1",
    "X-Forwarded-Uri: /api/v1/secrets",
    "X-Forwarded-User: root",
    "X-Forwarded-Groups: system:masters",
    "X-Forwarded-Client-Cert: Subject=CN=root",
    "Forwarded: for=10.9.8.7",
    "X-Real-Ip: 10.9.8.7",
    "True-Client-Ip: 10.9.8.7",
    "X-Client-Cert: root",
    "X-Client-Trace-Id: mine",
    "X-SSL-Client-CN: root",
    "SSL-Client-Verify: SUCCESS",
    "X-Auth-Request-User: root",
    "X-Original-Uri: /api/v1/secrets",
    "X-Original-Url: /api/v1/secrets",
    "X-Rewrite-Url: /api/v1/secrets",
    "X-HTTP-Method: DELETE",
    "X-HTTP-Method-Override: DELETE",
    "X-Method-Override: DELETE",
    "X-Envoy-Original-Path: /api/v1/secrets",
    "X-Envoy-Internal: true",
    "X-Envoy-External-Address: 10.9.8.7",
    "X-Envoy-Max-Retries: 100",
    "X-Envoy-Retry-On: 5xx",
    "X-Envoy-Upstream-Rq-Timeout-Ms: 1",
    "X-Envoy-Attempt-Count: 3",
    "X-Envoy-Decorator-Operation: mine",
    "X-Envoy-Peer-Metadata: mine",
    "X-Remote-Uid: 0",
    "Trailer: Impersonate-User",
)


def test_what_proxies_say_of_a_request_the_portal_alone_says(here: PortalUnderTest) -> None:
    lines = [f"GET {API} HTTP/1.1", "Host: portal", f"Authorization: Bearer {here.person()}", *OF_PROXIES]
    assert raw(here, "\r\n".join([*lines, "Connection: close", "", ""])).code == 200
    (arrived,) = here.received
    assert arrived.values("x-forwarded-for") == ["127.0.0.1"]
    assert arrived.values("x-forwarded-proto") == ["https"]
    assert {name.lower() for name, _ in arrived.headers} == {
        "authorization",
        "host",
        "impersonate-group",
        "impersonate-user",
        "x-forwarded-for",
        "x-forwarded-proto",
        "x-request-id",
    }


def test_fields_after_the_body_never_reach_a_cluster(here: PortalUnderTest) -> None:
    lines = [f"POST {API} HTTP/1.1", "Host: portal", f"Authorization: Bearer {here.person()}", "Connection: close"]
    body = [
        "Transfer-Encoding: chunked",
        "Trailer: Impersonate-User",
        "",
        "1",
        "a",
        "0",
        "Impersonate-User: root",
        "",
        "",
    ]
    assert raw(here, "\r\n".join([*lines, *body])).code == 200
    (arrived,) = here.received
    assert arrived.values("impersonate-user") == ["oidc:alice"]
    assert arrived.values("trailer") == []


AUTHORIZATIONS = {
    "Bearer {token}": 200,
    "bearer {token}": 200,
    "BEARER   {token}": 200,
    "Bearer {token} and more": 401,
    "Bearer {token};{token}": 401,
    "Bearer {token}, Bearer {token}": 400,
    "Basic YTpi Bearer {token}": 401,
    "x-Bearer {token}": 401,
    'Bearer token="{token}"': 401,
    "Bearer\t{token}": 401,
    "Bearer{token}": 401,
    "Bearer": 401,
    "Bearer ": 401,
    "{token}": 401,
    "Token {token}": 401,
    "Basic YTpi": 401,
}


def test_an_authorization_header_has_one_reading(here: PortalUnderTest) -> None:
    token = here.person()
    found = {form: here.send(API, headers=[("Authorization", form.format(token=token))]) for form in AUTHORIZATIONS}
    assert {form: answer.code for form, answer in found.items()} == AUTHORIZATIONS
    assert all(answer.status["message"] for answer in found.values() if answer.code != 200)
    assert len(here.received) == list(AUTHORIZATIONS.values()).count(200)
    assert {one.values("impersonate-user")[0] for one in here.received} == {"oidc:alice"}


# Each is sent with a good token: the head, and what follows it.
NOT_HTTP = {
    "no Host": (f"GET {API} HTTP/1.1\r\n{{auth}}", ""),
    "HTTP/1.0": (f"GET {API} HTTP/1.0\r\nHost: portal\r\n{{auth}}", ""),
    "a length and chunks": (
        f"POST {API} HTTP/1.1\r\nHost: portal\r\n{{auth}}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        "0\r\n\r\nGET /clusters/west/api HTTP/1.1\r\nHost: portal\r\n\r\n",
    ),
    "two lengths": (
        f"POST {API} HTTP/1.1\r\nHost: portal\r\n{{auth}}Content-Length: 0\r\nContent-Length: 4\r\n",
        "GET ",
    ),
    "a length with a sign": (f"POST {API} HTTP/1.1\r\nHost: portal\r\n{{auth}}Content-Length: +1\r\n", "a"),
    "two encodings": (
        f"POST {API} HTTP/1.1\r\nHost: portal\r\n{{auth}}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        "0\r\n\r\n",
    ),
    "an unknown encoding": (
        f"POST {API} HTTP/1.1\r\nHost: portal\r\n{{auth}}Transfer-Encoding: xchunked\r\n",
        "0\r\n\r\n",
    ),
    "a header with an underscore": (f"GET {API} HTTP/1.1\r\nHost: portal\r\n{{auth}}Impersonate_User: root\r\n", ""),
    "a header with a space": (f"GET {API} HTTP/1.1\r\nHost: portal\r\n{{auth}}Impersonate-User : root\r\n", ""),
    "a header with a zero": (f"GET {API} HTTP/1.1\r\nHost: portal\r\n{{auth}}X-A: \0\r\n", ""),
    "an unknown method": (f"FETCH {API} HTTP/1.1\r\nHost: portal\r\n{{auth}}", ""),
    "a tunnel": ("CONNECT portal:443 HTTP/1.1\r\nHost: portal\r\n{auth}", ""),
    "a tunnel with a path": (f"CONNECT {API} HTTP/1.1\r\nHost: portal\r\n{{auth}}", ""),
    "a path of other characters": ("GET /clusters/east/\xff HTTP/1.1\r\nHost: portal\r\n{auth}", ""),
    "dots in a whole URL": ("GET https://portal/clusters/east/../west/api HTTP/1.1\r\nHost: portal\r\n{auth}", ""),
    "an upgrade to two protocols": (
        f"GET {API} HTTP/1.1\r\nHost: portal\r\n{{auth}}Upgrade: websocket, h2c\r\nConnection: upgrade\r\n",
        "",
    ),
    "too many headers": (f"GET {API} HTTP/1.1\r\nHost: portal\r\n{{auth}}" + "X-A: a\r\n" * 250, ""),
    "too long a token": (f"GET {API} HTTP/1.1\r\nHost: portal\r\nAuthorization: Bearer {'a' * 70000}\r\n", ""),
}


def test_what_is_not_http_is_refused_in_words_and_audited(here: PortalUnderTest) -> None:
    written = here.directory / "audit.jsonl"
    auth = f"Authorization: Bearer {here.person()}\r\n"
    before = len(written.read_text().splitlines())
    for what, (head, body) in NOT_HTTP.items():
        answer = raw(here, head.replace("{auth}", auth) + "\r\n" + body)
        assert 400 <= answer.code <= 501, what
        assert (answer.status["kind"], answer.status["code"]) == ("Status", answer.code), what
        assert len(answer.status["message"]) > len("the request is refused: "), what
    assert here.received == []

    def audited() -> list[str]:
        lines = written.read_text().splitlines()[before:]
        if len(lines) < len(NOT_HTTP):
            raise NotYetError(f"{len(lines)} lines")
        return lines

    lines = wait_until(audited, "a line for each request", 10, "look at the log")
    assert {json.loads(line)["user"] for line in lines} == {None}
    assert auth.split()[2] not in "".join(lines)


def test_a_whole_url_is_its_path(here: PortalUnderTest) -> None:
    """Whatever host and user it names."""
    for url in ("https://evil:1/clusters/east/api?a", "http://u:p@west/clusters/east/api?a"):
        assert here.send(url, here.person()).code == 200
        assert here.received.pop().line == "GET /api?a HTTP/1.1"


def test_account_without_namespace_is_no_account(here: PortalUnderTest) -> None:
    for bound in ({"serviceaccount": {"name": "a"}}, {"namespace": "ci", "serviceaccount": {}}, {"namespace": ["ci"]}):
        for subject in ("system:serviceaccount:nil:a", "system:serviceaccount:ci:nil"):
            assert here.send(API, here.account(sub=subject, **{"kubernetes.io": bound})).code == 401
    assert here.received == []


@pytest.mark.parametrize(
    ("document", "function"), [("routes.json", "identify(handle)"), ("listeners.json", "fault_of_path(path)")]
)
def test_a_script_that_fails_lets_nothing_through(here: PortalUnderTest, document: str, function: str) -> None:
    """Envoy would pass the request on, and the portal's own account with it."""
    made = documents(here.spec, str(here.directory))[document]
    head = f"local function {function}"
    broken = json.dumps(made).replace(head, f"{head} error('broken')")
    assert broken != json.dumps(made)
    here.put(document, json.loads(broken) | {"version_info": "broken"})

    def answers(code: int) -> Answer:
        answer = here.send(API, here.person(), [("Impersonate-Group", "system:masters")])
        if answer.code != code:
            raise NotYetError(str(answer.code))
        return answer

    try:
        answer = wait_until(lambda: answers(500), "the broken script", 10, "look at the log")
        assert answer.status["message"].startswith("the portal cannot tell who sends this request")
        here.received.clear()
        answers(500)
        assert here.received == []
    finally:
        here.put(document, made | {"version_info": str(time.time())})
        wait_until(lambda: answers(200), "the good script", 10, "look at the log")


def test_readiness_says_which_documents_are_in_force(here: PortalUnderTest) -> None:
    wanted = ready(here.spec, str(here.directory))
    assert here.send("/readyz?any").body.decode() == wanted
    made = documents(here.spec, str(here.directory))["listeners.json"]
    here.put("listeners.json", json.loads(json.dumps(made).replace("BEGIN CERT", "NO CERT")) | {"version_info": "x"})

    def rejected() -> None:
        if "Filesystem config update rejected" not in (here.directory / "envoy.log").read_text():
            raise NotYetError("not yet")

    wait_until(rejected, "the rejection", 10, "look at the log")
    assert here.send("/readyz").body.decode() == wanted
