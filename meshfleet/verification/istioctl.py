"""Run the real istioctl against one cluster.

Source: https://istio.io/latest/docs/reference/commands/istioctl/
"""

from __future__ import annotations

from meshfleet.errors import ProcessError, VerificationError
from meshfleet.processes.bounded_run import OverdueError, run_bounded
from meshfleet.processes.child_environment import client_environment
from meshfleet.verification.unreachable import NoAnswerError
from meshfleet.verification.view import ClusterView, FleetView


def istioctl(
    fleet: FleetView, cluster: ClusterView, arguments: list[str], patience: float, *, at: ClusterView | None = None
) -> str:
    """The standard output of `istioctl ARGUMENTS` about `cluster`, run for `patience` seconds at most.

    It asks the API server of `cluster`, or that of `at`, in the namespace of the control plane of `cluster`.

    Raises VerificationError when istioctl is not there, NoAnswerError when it fails or does not end.
    """
    asked_cluster = at or cluster
    command = [str(fleet.tools / "istioctl"), f"--kubeconfig={asked_cluster.kubeconfig}"]
    if asked_cluster.context is not None:
        command.append(f"--context={asked_cluster.context}")
    command += [f"--istioNamespace={cluster.control_plane.namespace}", *arguments]
    asked = f"istioctl {' '.join(arguments)} against {asked_cluster.name}"
    try:
        done = run_bounded(command, seconds=patience, environment=client_environment())
    except OverdueError as error:
        raise NoAnswerError(
            f"{asked} did not end within {patience:.0f} s; is its API server up, and that of each cluster it reads?"
        ) from error
    except ProcessError as error:
        raise VerificationError(f"{asked}: {error}") from error
    if done.code != 0:
        said = (done.err.strip() or done.out.strip()).splitlines()
        raise NoAnswerError(f"{asked} failed: {said[-1].removeprefix('Error: ') if said else f'exit {done.code}'}")
    return done.out
