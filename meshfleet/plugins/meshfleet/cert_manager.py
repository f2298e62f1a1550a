"""`meshfleet:index:CertManager`: cert-manager for a cluster, as a process beside it or as something else installed it.

It waits until cert-manager takes requests: its webhook may not be trusted in the first seconds, and without it nothing
that follows could be applied.
"""

from __future__ import annotations

from typing import Final

from meshfleet.embedded.cert_manager import CertManager
from meshfleet.errors import ClusterError, MeshfleetError, UnreachableError
from meshfleet.kube.cert_manager import require_ready
from meshfleet.kube.releases.server import connected
from meshfleet.plugins.meshfleet.handler import UNKNOWN, Fault, Properties
from meshfleet.plugins.meshfleet.input_checks import check_known, check_names, check_optional_texts, check_texts
from meshfleet.plugins.meshfleet.process_handler import RUNNING, ProcessHandler
from meshfleet.processes.waiting import NotYetError, wait_until
from meshfleet.workspace.home import Workspace

READY: Final = "ready"
_SECONDS: Final = 90.0


class CertManagerHandler(ProcessHandler):
    """Life cycle of the process, or of the wait for one that is there; see `ResourceHandler`."""

    outputs = frozenset({"state"})
    secret_inputs = frozenset({"kubeconfig"})

    def check(self, inputs: Properties) -> tuple[Properties, list[Fault]]:
        """`process` has a default: true."""
        filled = {"process": True, **inputs}
        faults = [
            *check_known(filled, (*self.identity, "namespace", "kubeconfig", "context", "process")),
            *check_names(filled, (*self.identity, "namespace")),
            *check_texts(filled, ("kubeconfig",)),
            *check_optional_texts(filled, ("context",)),
        ]
        if filled["process"] is not UNKNOWN and not isinstance(filled["process"], bool):
            faults.append(Fault("process", f"must be true or false, got {filled['process']!r}"))
        return filled, faults

    def outdated(self, old_inputs: Properties, old_outputs: Properties) -> bool:
        """Whether it is not there, or takes no requests."""
        return self._state(old_inputs) != READY

    def preview(self, old_outputs: Properties | None, new_inputs: Properties) -> Properties:
        """`ready`, the only state in which `create` and `update` succeed."""
        return {"state": READY}

    def read(self, identifier: str, inputs: Properties, old_outputs: Properties) -> Properties | None:
        """`state` as it is now."""
        return {"state": self._state(inputs)}

    def delete(self, identifier: str, inputs: Properties, old_outputs: Properties, timeout: float) -> None:
        """Ends the process and removes its files; one that the fleet did not install is left alone."""
        self.process(inputs).delete()

    def process(self, inputs: Properties) -> CertManager:
        """The process of a cluster, where it is one."""
        return CertManager(Workspace.of(str(inputs["fleet"])), str(inputs["cluster"]))

    def start(self, inputs: Properties, timeout: float) -> Properties:
        """Ends one that is none of the fleet's any more; waits until cert-manager takes requests."""
        cluster, process = inputs["cluster"], self.process(inputs)
        if inputs["process"]:
            process.start(inputs["kubeconfig"], inputs.get("context"), inputs["namespace"])
        elif process.state() is not None:
            process.delete()
        advice = (
            "run meshfleet up again, which starts it again"
            if inputs["process"]
            else f"check that cert-manager and its webhook run in {cluster} (kubectl get pods -A -l "
            "app.kubernetes.io/instance=cert-manager), and run meshfleet up again"
        )
        with connected(inputs["kubeconfig"], inputs.get("context")) as server:
            wait_until(
                lambda: require_ready(server, inputs["namespace"]),
                f"cert-manager of {cluster} to take requests",
                timeout or _SECONDS,
                advice,
                failure=ClusterError,
            )
        return {"state": READY}

    def _state(self, inputs: Properties) -> str:
        """`ready`, or what is wrong; a cluster that cannot be reached has a resource of its own that says so."""
        if inputs["process"] is True and (found := self.process(inputs).state()) != RUNNING:
            return found or "absent"
        try:
            with connected(inputs["kubeconfig"], inputs.get("context")) as server:
                require_ready(server, inputs["namespace"])
        except UnreachableError:
            return READY
        except (NotYetError, MeshfleetError) as error:
            return f"not ready: {error}"
        return READY
