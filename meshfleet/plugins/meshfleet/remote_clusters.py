"""`meshfleet:index:RemoteClusters`: the remote clusters of one control plane, each read once with its kubeconfig.

It creates no object. The Secret with the remote secrets depends on it, so that a kubeconfig that cannot work never
replaces one that does: the resource fails with the error that was seen, and the Secret stays unchanged.
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
_CONCURRENCY: Final = 16


class RemoteClustersHandler:
    """Life cycle of the check; see `ResourceHandler`."""

    outputs = frozenset({"state"})
    secret_inputs = frozenset({"kubeconfigs"})
    secret_outputs: frozenset[str] = frozenset()

    def check(self, inputs: Properties) -> tuple[Properties, list[Fault]]:
        """`explicitServers` and `localIstiod` have defaults: no cluster, and true."""
        filled: Properties = {"explicitServers": [], "localIstiod": True, **inputs}
        kubeconfigs, explicit = filled.get("kubeconfigs"), filled["explicitServers"]
        local = filled["localIstiod"]
        faults = [
            *check_known(filled, ("cluster", "kubeconfigs", "explicitServers", "localIstiod")),
            *check_names(filled, ("cluster",)),
        ]
        if kubeconfigs is not UNKNOWN and not isinstance(kubeconfigs, dict):
            faults.append(Fault("kubeconfigs", "is missing; must be a map of remote cluster to kubeconfig"))
        if explicit is not UNKNOWN and not isinstance(explicit, list):
            faults.append(Fault("explicitServers", f"must be a list of names, got {explicit!r}"))
        if local is not UNKNOWN and not isinstance(local, bool):
            faults.append(Fault("localIstiod", f"must be true or false, got {local!r}"))
        return filled, faults

    def diff(self, old_inputs: Properties, old_outputs: Properties, new_inputs: Properties) -> Difference:
        """Unchanged kubeconfigs are not checked again."""
        return Difference(changed(old_inputs, new_inputs))

    def preview(self, old_outputs: Properties | None, new_inputs: Properties) -> Properties:
        """Tokens are unknown before they are created."""
        return {}

    def create(self, inputs: Properties, timeout: float) -> Created:
        """Reads every cluster."""
        return Created(str(inputs["cluster"]), {"state": _access(inputs, {})})

    def read(self, identifier: str, inputs: Properties, old_outputs: Properties) -> Properties | None:
        """`verify` checks at istiod which clusters it reads now."""
        return old_outputs

    def update(
        self,
        identifier: str,
        old_inputs: Properties,
        old_outputs: Properties,
        new_inputs: Properties,
        timeout: float,
    ) -> Properties:
        """Reads the clusters that are new or whose kubeconfig changed."""
        return {"state": _access(new_inputs, old_inputs.get("kubeconfigs") or {})}

    def delete(self, identifier: str, inputs: Properties, old_outputs: Properties, timeout: float) -> None:
        """Nothing was created."""


def _access(inputs: Properties, before: Mapping[str, str]) -> str:
    """The resulting state. Raises ClusterError with every access error that must stop the run."""
    kubeconfigs = {name: text for name, text in sorted(inputs["kubeconfigs"].items()) if before.get(name) != text}
    if not kubeconfigs:
        return READ
    with ThreadPoolExecutor(max_workers=_CONCURRENCY, thread_name_prefix="remote-cluster") as pool:
        failures = dict(zip(kubeconfigs, pool.map(_failure, kubeconfigs, kubeconfigs.values()), strict=True))
    seen = {name: error for name, error in failures.items() if error}
    local, explicit = inputs["localIstiod"], inputs["explicitServers"]
    wrong = [f"{name}: {error}" for name, error in seen.items() if is_proof(error) or (local and name in explicit)]
    if wrong and local:
        raise ClusterError(
            f"the control plane of {inputs['cluster']} could not read {'; '.join(wrong)}; its current "
            "remote secrets stay: correct clusters.NAME.discovery (server, tlsServerName, certificateAuthority) of the "
            "clusters named"
        )
    if wrong:
        return DOUBTFUL + "; ".join(wrong)
    # A cluster that is down fails in its own resources, and must not block the others.
    return f"not tried: {', '.join(seen)} cannot be reached from this machine" if seen else READ


def _failure(cluster: str, kubeconfig: str) -> ClusterError | None:
    try:
        try_access(cluster, kubeconfig)
    except ClusterError as error:
        return error
    return None
