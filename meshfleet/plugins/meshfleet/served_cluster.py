"""`meshfleet:index:ServedCluster`: a cluster whose control plane is elsewhere, once that control plane serves it.

It makes nothing: it waits, removes what would lead to a former istiod of the cluster, and notices when the cluster is
no longer served.
"""

from __future__ import annotations

from typing import Final

from meshfleet.kube.api_errors import UnreachableError
from meshfleet.kube.kubeconfig import connect
from meshfleet.plugins.meshfleet.handler import Created, Difference, Fault, Properties, changed
from meshfleet.plugins.meshfleet.input_checks import (
    LONGEST_OBJECT_NAME,
    check_known,
    check_names,
    check_optional_texts,
    check_texts,
)
from meshfleet.plugins.meshfleet.leftover_endpoints import remove_endpoints_of_former_pods
from meshfleet.plugins.meshfleet.served_cluster_state import Serving, missing, wait_until_served

_NAMES: Final = ("cluster", "primary", "namespace")
SERVED: Final = "served"
# The chart's Services that lead to the istiod elsewhere (remote-istiod-service.yaml).
_SERVICES: Final = {"app.kubernetes.io/name": "istiod"}


class ServedClusterHandler:
    """Life cycle of the wait; see `ResourceHandler`."""

    outputs = frozenset({"state"})
    secret_inputs = frozenset({"kubeconfig"})
    secret_outputs: frozenset[str] = frozenset()

    def check(self, inputs: Properties) -> tuple[Properties, list[Fault]]:
        """No defaults."""
        return inputs, [
            *check_known(inputs, (*_NAMES, "webhook", "kubeconfig", "context", "debugUrl")),
            *check_names(inputs, _NAMES),
            # It may hold a revision and the namespace of an external control plane.
            *check_names(inputs, ("webhook",), LONGEST_OBJECT_NAME),
            *check_texts(inputs, ("kubeconfig",)),
            *check_optional_texts(inputs, ("context", "debugUrl")),
        ]

    def diff(self, old_inputs: Properties, old_outputs: Properties, new_inputs: Properties) -> Difference:
        """Whoever serves it, it waits again; `state` differs when a refresh found it unserved."""
        updates = changed(old_inputs, new_inputs)
        return Difference(updates if old_outputs.get("state") == SERVED else (*updates, "state"))

    def preview(self, old_outputs: Properties | None, new_inputs: Properties) -> Properties:
        """It ends with being served, or not at all."""
        return {"state": SERVED}

    def create(self, inputs: Properties, timeout: float) -> Created:
        """Waits."""
        return Created(str(inputs["cluster"]), _wait(inputs, timeout))

    def read(self, identifier: str, inputs: Properties, old_outputs: Properties) -> Properties | None:
        """`state` says what is missing."""
        try:
            with connect(inputs["kubeconfig"], inputs.get("context")) as client:
                lacking = missing(client, _serving(inputs))
        except UnreachableError as error:
            return {"state": f"unknown: {error}"}
        return {"state": f"not served: {lacking}" if lacking else SERVED}

    def update(
        self,
        identifier: str,
        old_inputs: Properties,
        old_outputs: Properties,
        new_inputs: Properties,
        timeout: float,
    ) -> Properties:
        """Waits again."""
        return _wait(new_inputs, timeout)

    def delete(self, identifier: str, inputs: Properties, old_outputs: Properties, timeout: float) -> None:
        """Nothing was made; what istiod wrote is of `IstiodConfigMaps`."""


def _serving(inputs: Properties) -> Serving:
    return Serving(inputs["primary"], inputs.get("debugUrl"), inputs["webhook"], inputs["namespace"])


def _wait(inputs: Properties, timeout: float) -> Properties:
    with connect(inputs["kubeconfig"], inputs.get("context")) as client:
        wait_until_served(client, inputs["cluster"], _serving(inputs), timeout)
        # Those of the cluster's own istiod, if it had one.
        remove_endpoints_of_former_pods(client, inputs["namespace"], _SERVICES)
    return {"state": SERVED}
