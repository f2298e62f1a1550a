"""`meshfleet:index:KarmadaServer`: waits until the API server of a release of Karmada's chart serves clusters.

It creates no object. What is asked for is served by Karmada's aggregated API server, behind its API server: once it is
there, objects of Karmada can be created.
"""

from __future__ import annotations

from typing import Final

from meshfleet.errors import ClusterError, MeshfleetError, UnreachableError
from meshfleet.kube.karmada import require_served
from meshfleet.kube.releases.server import connected
from meshfleet.plugins.meshfleet.handler import Fault, Properties
from meshfleet.plugins.meshfleet.input_checks import check_known, check_names, check_optional_texts, check_texts
from meshfleet.plugins.meshfleet.readiness_handler import READY, ReadinessHandler
from meshfleet.processes.waiting import NotYetError, wait_until

# A load balancer may need minutes until it leads to a Service.
_SECONDS: Final = 300.0
_EVERY: Final = 0.5


class KarmadaServerHandler(ReadinessHandler):
    """Life cycle of the wait; see `ResourceHandler`."""

    def check(self, inputs: Properties) -> tuple[Properties, list[Fault]]:
        """No defaults."""
        return inputs, [
            *check_known(inputs, ("cluster", "kubeconfig", "context")),
            *check_names(inputs, ("cluster",)),
            *check_texts(inputs, ("kubeconfig",)),
            *check_optional_texts(inputs, ("context",)),
        ]

    def read(self, identifier: str, inputs: Properties, old_outputs: Properties) -> Properties | None:
        """`state` names what is missing."""
        try:
            with connected(inputs["kubeconfig"], inputs.get("context")) as server:
                require_served(server)
        except UnreachableError as error:
            return {"state": f"unknown: {error}"}
        except (NotYetError, MeshfleetError) as error:
            return {"state": f"not ready: {error}"}
        return {"state": READY}

    def wait(self, inputs: Properties, timeout: float) -> None:
        """Waits until clusters are served."""
        with connected(inputs["kubeconfig"], inputs.get("context")) as server:
            wait_until(
                lambda: require_served(server),
                "the API server of Karmada to serve clusters",
                timeout or _SECONDS,
                "check the pods of its namespace, and that this machine reaches its Service; then run the same command "
                "again",
                every=_EVERY,
                failure=ClusterError,
            )
