"""Run the real istioctl against one cluster.

Source: https://istio.io/latest/docs/reference/commands/istioctl/
"""

from __future__ import annotations

from meshfleet.errors import ProcessError, VerificationError
from meshfleet.processes.bounded_run import OverdueError, run_bounded
from meshfleet.processes.child_environment import client_environment
from meshfleet.verification.not_allowed import NotAllowedError, is_denied
from meshfleet.verification.unreachable import NoResponseError
from meshfleet.verification.view import ClusterView, FleetView


def istioctl(
    fleet: FleetView, cluster: ClusterView, arguments: list[str], timeout: float, *, at: ClusterView | None = None
) -> str:
    """The standard output of `istioctl ARGUMENTS` about `cluster`, run for `timeout` seconds at most.

    It connects to the API server of `cluster`, or of `at`, in the control plane namespace of `cluster`.

    Raises VerificationError when istioctl is not there, NoResponseError when it fails or does not end, NotAllowedError
    when the API server denies what it needs.
    """
    target = at or cluster
    command = [str(fleet.tools / "istioctl"), f"--kubeconfig={target.kubeconfig}"]
    if target.context is not None:
        command.append(f"--context={target.context}")
    command += [f"--istioNamespace={cluster.control_plane.namespace}", *arguments]
    invocation = f"istioctl {' '.join(arguments)} on {target.name}"
    try:
        done = run_bounded(command, seconds=timeout, environment=client_environment())
    except OverdueError as error:
        raise NoResponseError(
            f"{invocation} did not end within {timeout:.0f} s; check its API server and those it discovers"
        ) from error
    except ProcessError as error:
        raise VerificationError(f"{invocation}: {error}") from error
    if done.code != 0:
        output = (done.err.strip() or done.out.strip()).splitlines()
        last = output[-1].removeprefix("Error: ") if output else f"exit {done.code}"
        raise (NotAllowedError if is_denied(last) else NoResponseError)(f"{invocation} failed: {last}")
    return done.out
