"""`meshfleet:index:KarmadaClusters`: waits until Karmada finds clusters ready, and knows kinds of each.

It creates no object. Karmada places an object once, by the kinds that it knows of each cluster at that moment: what
comes too soon reaches some clusters, or none, and Karmada does not look again.
Source: APIEnablement in pkg/scheduler/framework/plugins of karmada-io/karmada
"""

from __future__ import annotations

from typing import Any, Final

from meshfleet.errors import ClusterError, MeshfleetError, UnreachableError
from meshfleet.kube.karmada import require_clusters
from meshfleet.kube.releases.server import connected
from meshfleet.plugins.meshfleet.handler import UNKNOWN, Fault, Properties
from meshfleet.plugins.meshfleet.input_checks import check_known, check_names, check_optional_texts, check_texts
from meshfleet.plugins.meshfleet.readiness_handler import READY, ReadinessHandler
from meshfleet.processes.waiting import NotYetError, wait_until

# It reads what a cluster serves every 10 seconds, and finds a new kind in its own API server within 30.
_SECONDS: Final = 180.0
_EVERY: Final = 0.2


class KarmadaClustersHandler(ReadinessHandler):
    """Life cycle of the wait; see `ResourceHandler`."""

    def check(self, inputs: Properties) -> tuple[Properties, list[Fault]]:
        """No defaults."""
        return inputs, [
            *check_known(inputs, ("cluster", "kinds", "kubeconfig", "context")),
            *check_names(inputs, ("cluster",)),
            *check_texts(inputs, ("kubeconfig",)),
            *check_optional_texts(inputs, ("context",)),
            *_check_kinds(inputs.get("kinds")),
        ]

    def read(self, identifier: str, inputs: Properties, old_outputs: Properties) -> Properties | None:
        """`state` names what is missing."""
        try:
            with connected(inputs["kubeconfig"], inputs.get("context")) as server:
                require_clusters(server, inputs["kinds"])
        except UnreachableError as error:
            return {"state": f"unknown: {error}"}
        except (NotYetError, MeshfleetError) as error:
            return {"state": f"not ready: {error}"}
        return {"state": READY}

    def wait(self, inputs: Properties, timeout: float) -> None:
        """Waits until every cluster is ready, with the kinds that are needed."""
        with connected(inputs["kubeconfig"], inputs.get("context")) as server:
            wait_until(
                lambda: require_clusters(server, inputs["kinds"]),
                "Karmada to find its clusters ready",
                timeout or _SECONDS,
                "check its controller manager, and that it reaches the API server of this cluster; then run the same "
                "command again",
                every=_EVERY,
                failure=ClusterError,
            )


def _check_kinds(kinds: Any) -> list[Fault]:
    if kinds is UNKNOWN:
        return []
    if not isinstance(kinds, dict) or not all(
        isinstance(those, list) and all(isinstance(kind, str) for kind in those) for those in kinds.values()
    ):
        return [Fault("kinds", f"must be a map of clusters to lists of kinds, got {kinds!r}")]
    return []
