"""Why a machine is not let in is read from what its agent was seen to say."""

from __future__ import annotations

import pytest

from meshfleet.dataplane.machine.agent_log import complaint, refusal

pytestmark = pytest.mark.proof("virtual machines join their mesh from their bundle alone", step=0)

CPUS = "2026-11-23T12:27:10.518592Z\twarn\tconcurrency is set to 0, which will use a thread per CPU on the host.\n"
NO_CERTIFICATE = (
    "2026-11-23T12:34:20.051005Z\twarn\tcannot parse the cert chain, using token instead: failed to read the cert, "
    "error is open etc/certs/cert-chain.pem: no such file or directory\n"
)
TOKEN = (
    "2026-11-23T12:34:21.648760Z\twarn\txdsproxy\tupstream terminated with unexpected error rpc error: "
    "code = Unauthenticated desc = authentication failure\tid=6\n"
)
GROUP = (
    "2026-11-23T12:35:17.630786Z\twarn\txdsproxy\tupstream terminated with unexpected error rpc error: "
    "code = FailedPrecondition desc = auto-registration WorkloadEntry of billing.orders failed: "
    "cannot find WorkloadGroup orders/nobody\tid=4\n"
)
ENVOY = "2026-11-23T12:34:21.650015Z\twarning\tenvoy config\tgRPC config stream to xds-grpc closed: 16\tthread=8002\n"


def test_an_agent_that_says_what_every_agent_says_does_not_complain() -> None:
    assert complaint(CPUS + NO_CERTIFICATE) == ""
    assert complaint("2026-11-23T12:26:09.691568Z\tinfo\tJWT policy is third-party-jwt\n") == ""


def test_what_istiod_answered_is_reported_before_what_envoy_makes_of_it() -> None:
    assert complaint(CPUS + TOKEN + ENVOY + NO_CERTIFICATE) == "Unauthenticated: authentication failure"
    assert complaint(ENVOY) == "warning envoy config gRPC config stream to xds-grpc closed: 16 thread=8002"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            TOKEN,
            "(authentication failure): istiod rejects its token, which has expired or belongs to another cluster",
        ),
        (GROUP, "cannot find WorkloadGroup orders/nobody): what the machine names is not in the cluster that it joins"),
    ],
)
def test_a_refusal_is_one_once_it_was_repeated(line: str, told: str) -> None:
    assert refusal(line * 4) == ""
    assert told in refusal(NO_CERTIFICATE + line * 5)
