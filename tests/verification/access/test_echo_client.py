"""What Istio's echo client prints is read as replies, and whatever else it prints as an error."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshfleet.errors import VerificationError
from meshfleet.kube.exec_stream import Executed
from meshfleet.verification.access import echo_client
from meshfleet.verification.traffic import Reply, Target

pytestmark = pytest.mark.proof("verification where istiod and proxies are pods", step=0)

PEER = "spiffe://mesh/ns/sample/sa/caller"
# As the client of 1.31 prints it, through two proxies.
PRINTED = f"""\
[0] Url=http://10.96.0.7:80/?delay=20ms&headers=Connection:close
[0] Latency=51.37198ms
[0] StatusCode=200
[0] ResponseHeader=Content-Length:252
[0 body] ServiceVersion=v1
[0 body] Cluster=east
[0 body] RequestHeader=X-Forwarded-Client-Cert:By=spiffe://mesh/ns/sample/sa/echo;Hash=1;Subject="";URI={PEER}
[0 body] Hostname=echo-v1-1

[1] Url=http://10.96.0.7:80/?delay=20ms&headers=Connection:close
[1] StatusCode=403
[1 body] RBAC: access denied

2026-11-27T12:01:35.738249Z	info	All 2 requests succeeded
"""
FAILED = "2026-11-27T12:01:35Z\tfatal\tError 3/5 requests had errors; first error: Get: connection refused\n"


def test_each_response_is_a_reply_with_its_cluster_and_the_caller() -> None:
    assert echo_client.replies(Executed(0, PRINTED, ""), 2) == [
        Reply(200, "east", "v1", PEER),
        Reply(403, fault="RBAC: access denied"),
    ]


def test_requests_without_a_response_are_counted_with_the_first_error() -> None:
    assert echo_client.replies(Executed(1, FAILED, ""), 5) == [Reply(0, fault="Get: connection refused")] * 3
    assert echo_client.replies(Executed(0, PRINTED, ""), 3)[2].fault == "the echo client printed no response"


def test_a_client_that_sends_nothing_is_an_error_in_its_words() -> None:
    with pytest.raises(VerificationError, match="exited with status 2: unknown flag"):
        echo_client.replies(Executed(2, "", "Error:\nunknown flag: --count\n"), 5)
    with pytest.raises(VerificationError, match="exited with status 1: it printed nothing"):
        echo_client.replies(Executed(1, "", ""), 5)


def test_the_command_names_address_host_and_bounds() -> None:
    command = echo_client.command(Target("fd00::7", 80, "echo.sample.svc.cluster.local"), 32, 3.0)
    assert command == [
        "client",
        "http://[fd00::7]:80/?delay=20ms&headers=Connection:close",
        "--count=32",
        "--timeout=3s",
        "--header=Host:echo.sample.svc.cluster.local",
    ]


@given(
    out=st.text() | st.lists(st.sampled_from([*PRINTED.splitlines(), FAILED]), max_size=8).map("\n".join),
    code=st.integers(-1, 255),
    count=st.integers(1, 40),
)
def test_whatever_it_prints_there_are_replies_or_an_error(out: str, code: int, count: int) -> None:
    try:
        found = echo_client.replies(Executed(code, out, ""), count)
    except VerificationError:
        return
    assert all(isinstance(one, Reply) for one in found)
    assert len(found) <= 2 * count
