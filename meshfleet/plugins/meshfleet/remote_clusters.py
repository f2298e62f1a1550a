"""`meshfleet:index:RemoteClusters`: the clusters that one control plane is to read, each tried with its kubeconfig.

It makes nothing. The Secret with the remote secrets waits for it, so that a kubeconfig which cannot work never takes
the place of one that does: the resource fails with what was seen, and the Secret stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from meshfleet.errors import ClusterError
from meshfleet.plugins.meshfleet.handler import UNKNOWN, Created, Difference, Fault, Properties, changed
from meshfleet.plugins.meshfleet.input_checks import check_known, check_names
from meshfleet.plugins.meshfleet.remote_access import is_proof, try_access

READ: Final = "read"
DOUBTFUL: Final = "doubtful: "
_AT_ONCE: Final = 16


class RemoteClustersHandler:
    """Life cycle of the trial; see `ResourceHandler`."""

    outputs = frozenset({"state"})
    secret_inputs = frozenset({"kubeconfigs"})
    secret_outputs: frozenset[str] = frozenset()

    def check(self, inputs: Properties) -> tuple[Properties, list[Fault]]:
        """`addressed` and `here` have defaults: no cluster, and true."""
        filled: Properties = {"addressed": [], "here": True, **inputs}
        kubeconfigs, addressed = filled.get("kubeconfigs"), filled["addressed"]
        faults = [
            *check_known(filled, ("cluster", "kubeconfigs", "addressed", "here")),
            *check_names(filled, ("cluster",)),
        ]
        if kubeconfigs is not UNKNOWN and not isinstance(kubeconfigs, dict):
            faults.append(Fault("kubeconfigs", "is missing; a map of each remote cluster's kubeconfig is needed"))
        if addressed is not UNKNOWN and not isinstance(addressed, list):
            faults.append(Fault("addressed", f"{addressed!r} is not allowed; a list of names is"))
        if filled["here"] is not UNKNOWN and not isinstance(filled["here"], bool):
            faults.append(Fault("here", f"{filled['here']!r} is not allowed; true or false is"))
        return filled, faults

    def diff(self, old_inputs: Properties, old_outputs: Properties, new_inputs: Properties) -> Difference:
        """What is the same has been tried."""
        return Difference(changed(old_inputs, new_inputs))

    def preview(self, old_outputs: Properties | None, new_inputs: Properties) -> Properties:
        """Tokens are not known before they are made."""
        return {}

    def create(self, inputs: Properties, timeout: float) -> Created:
        """Tries every cluster."""
        return Created(str(inputs["cluster"]), {"state": _tried(inputs, {})})

    def read(self, identifier: str, inputs: Properties, old_outputs: Properties) -> Properties | None:
        """What istiod reads now is asked of istiod, by `verify`."""
        return old_outputs

    def update(
        self,
        identifier: str,
        old_inputs: Properties,
        old_outputs: Properties,
        new_inputs: Properties,
        timeout: float,
    ) -> Properties:
        """Tries the clusters that are new or whose kubeconfig changed."""
        return {"state": _tried(new_inputs, old_inputs.get("kubeconfigs") or {})}

    def delete(self, identifier: str, inputs: Properties, old_outputs: Properties, timeout: float) -> None:
        """Nothing was made."""


def _tried(inputs: Properties, before: Mapping[str, str]) -> str:
    """What was seen, when nothing of it forbids to go on. Raises ClusterError with all that does."""
    kubeconfigs = {name: text for name, text in sorted(inputs["kubeconfigs"].items()) if before.get(name) != text}
    if not kubeconfigs:
        return READ
    with ThreadPoolExecutor(max_workers=_AT_ONCE, thread_name_prefix="remote-cluster") as pool:
        failures = dict(zip(kubeconfigs, pool.map(_failure, kubeconfigs, kubeconfigs.values()), strict=True))
    seen = {name: error for name, error in failures.items() if error}
    here, addressed = inputs["here"], inputs["addressed"]
    wrong = [f"{name}: {error}" for name, error in seen.items() if is_proof(error) or (here and name in addressed)]
    if wrong and here:
        raise ClusterError(
            f"the control plane of {inputs['cluster']} could not read {'; '.join(wrong)}; what it reads with now "
            "stays: correct clusters.NAME.discovery (server, tlsServerName, certificateAuthority) of what is named"
        )
    if wrong:
        return DOUBTFUL + "; ".join(wrong)
    # A cluster that answers nobody has failures of its own, and holds up no other one.
    return f"not tried: {', '.join(seen)} cannot be reached from here" if seen else READ


def _failure(cluster: str, kubeconfig: str) -> ClusterError | None:
    try:
        try_access(cluster, kubeconfig)
    except ClusterError as error:
        return error
    return None
