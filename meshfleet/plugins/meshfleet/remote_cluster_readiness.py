"""`meshfleet:index:RemoteClusterReadiness`: waits until the istiod of a remote cluster's primary manages that cluster.

It creates no object. It waits, removes stale endpoints of an istiod that the cluster ran before, and a refresh reports
when the primary's istiod does not manage the cluster any more.
"""

from __future__ import annotations

from typing import Final

from meshfleet.kube.api_errors import UnreachableError
from meshfleet.kube.kubeconfig import connect
from meshfleet.plugins.meshfleet.handler import Fault, Properties
from meshfleet.plugins.meshfleet.input_checks import (
    LONGEST_OBJECT_NAME,
    check_known,
    check_names,
    check_optional_texts,
    check_texts,
)
from meshfleet.plugins.meshfleet.readiness_handler import READY, ReadinessHandler
from meshfleet.plugins.meshfleet.remote_istiod import RemoteIstiod, missing, wait_until_ready
from meshfleet.plugins.meshfleet.stale_endpoints import remove_stale_endpoints

_NAMES: Final = ("cluster", "primary", "namespace")
# The Services of the istiod chart that route to the primary's istiod (remote-istiod-service.yaml).
_SERVICES: Final = {"app.kubernetes.io/name": "istiod"}


class RemoteClusterReadinessHandler(ReadinessHandler):
    """Life cycle of the wait; see `ResourceHandler`."""

    # The second is what an earlier release recorded.
    ready_states = (READY, "served")

    def check(self, inputs: Properties) -> tuple[Properties, list[Fault]]:
        """No defaults."""
        return inputs, [
            *check_known(inputs, (*_NAMES, "webhook", "kubeconfig", "context", "debugUrl")),
            *check_names(inputs, _NAMES),
            # Its name may contain a revision and the namespace of an external control plane.
            *check_names(inputs, ("webhook",), LONGEST_OBJECT_NAME),
            *check_texts(inputs, ("kubeconfig",)),
            *check_optional_texts(inputs, ("context", "debugUrl")),
        ]

    def read(self, identifier: str, inputs: Properties, old_outputs: Properties) -> Properties | None:
        """`state` names what is missing."""
        try:
            with connect(inputs["kubeconfig"], inputs.get("context")) as client:
                absent = missing(client, _istiod(inputs))
        except UnreachableError as error:
            return {"state": f"unknown: {error}"}
        return {"state": f"not ready: {absent}" if absent else READY}

    def wait(self, inputs: Properties, timeout: float) -> None:
        """Waits, and removes what an istiod of the cluster's own left; `IstiodConfigMapCleanup` removes the rest."""
        with connect(inputs["kubeconfig"], inputs.get("context")) as client:
            wait_until_ready(client, inputs["cluster"], _istiod(inputs), timeout)
            # Left by the cluster's own istiod, if it had one.
            remove_stale_endpoints(client, inputs["namespace"], _SERVICES)


def _istiod(inputs: Properties) -> RemoteIstiod:
    return RemoteIstiod(inputs["primary"], inputs.get("debugUrl"), inputs["webhook"], inputs["namespace"])
