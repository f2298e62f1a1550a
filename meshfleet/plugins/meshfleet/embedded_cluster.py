"""`meshfleet:index:EmbeddedCluster`: a Kubernetes control plane as processes on this machine.

Another version or address range makes another cluster: neither can change under what runs in it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from meshfleet.embedded.cluster import Cluster, RunningCluster
from meshfleet.embedded.cluster_spec import ClusterSpec
from meshfleet.errors import EmbeddedError
from meshfleet.kube.identity import identity_in_folder
from meshfleet.plugins.meshfleet.handler import Created, Difference, Fault, Properties, changed
from meshfleet.plugins.meshfleet.input_checks import (
    check_count,
    check_known,
    check_names,
    check_optional_texts,
    check_ranges,
    check_version,
)
from meshfleet.workspace.home import Workspace

_REQUIRED: Final = ("fleet", "name", "kubernetesVersion")
_OPTIONAL: Final = ("nodes", "podCidr", "serviceCidr", "region", "zone")
_REPLACING: Final = frozenset({"fleet", "name", "kubernetesVersion", "podCidr", "serviceCidr"})
_MOST_NODES: Final = 250
GONE: Final = "gone: nothing of it is left on this machine"


class EmbeddedClusterHandler:
    """Life cycle of an embedded cluster; see `ResourceHandler`."""

    outputs = frozenset({"kubeconfig", "server", "identity", "state"})
    secret_inputs: frozenset[str] = frozenset()
    secret_outputs = frozenset({"kubeconfig"})

    def check(self, inputs: Properties) -> tuple[Properties, list[Fault]]:
        """One node by default; the version is that of the toolchain, as in `v1.35.4`."""
        filled: Properties = {"nodes": 1, **inputs}
        faults = [
            *check_known(filled, (*_REQUIRED, *_OPTIONAL)),
            *check_names(filled, ("fleet", "name")),
            *check_count(filled, "nodes", 0, _MOST_NODES),
            *check_ranges(filled, ("podCidr", "serviceCidr")),
            *check_optional_texts(filled, ("region", "zone")),
        ]
        return filled, [*faults, *check_version(filled, "kubernetesVersion")]

    def diff(self, old_inputs: Properties, old_outputs: Properties, new_inputs: Properties) -> Difference:
        """`state` differs when a process is not there: the next up starts it again, without a refresh."""
        names = changed(old_inputs, new_inputs)
        replaces = tuple(name for name in names if name in _REPLACING)
        updates = tuple(name for name in names if name not in _REPLACING)
        if not replaces:
            state = _cluster(old_inputs).state()
            if state is None:
                # Nothing is left to start. A new cluster is empty: all that was in the old one must come
                # again.
                replaces = ("state",)
            elif state != "running" or old_outputs.get("state") != "running":
                updates = (*updates, "state")
            if not replaces and _another(old_inputs, old_outputs):
                updates = (*updates, "identity")
        return Difference(updates, replaces, delete_before_replace=True)

    def preview(self, old_outputs: Properties | None, new_inputs: Properties) -> Properties:
        """Certificates and ports outlive a restart, so only a new cluster has an unknown kubeconfig."""
        if old_outputs:
            _require_same(new_inputs, old_outputs)
        return (old_outputs or {}) | {"state": "running"}

    def create(self, inputs: Properties, timeout: float) -> Created:
        """Makes it and waits until it serves; the remains of an interrupted create are removed first."""
        running = _cluster(inputs).create(_spec(inputs), timeout)
        return Created(f"{inputs['fleet']}/{inputs['name']}", _outputs(running))

    def read(self, identifier: str, inputs: Properties, old_outputs: Properties) -> Properties | None:
        """`state` as it is now, also when there is no complete cluster left to start.

        Were it reported as not there, it would leave the stack without what is in it, and its successor would stay
        empty: only a replacement takes that along.
        """
        cluster = _cluster(inputs)
        state = cluster.state()
        if state is None:
            return old_outputs | {"state": GONE}
        running = cluster.running()
        return _outputs(running, state)

    def update(
        self,
        identifier: str,
        old_inputs: Properties,
        old_outputs: Properties,
        new_inputs: Properties,
        timeout: float,
    ) -> Properties:
        """Starts what does not run and makes the nodes what they should be; EmbeddedError for another cluster."""
        _require_same(new_inputs, old_outputs)
        running = _cluster(new_inputs).create(_spec(new_inputs), timeout)
        return _outputs(running)

    def delete(self, identifier: str, inputs: Properties, old_outputs: Properties, timeout: float) -> None:
        """Ends every process, removes every file, gives the ports back."""
        _cluster(inputs).delete()


def _another(inputs: Properties, old_outputs: Properties) -> str | None:
    """The identity of the cluster in the folder where that is not the recorded one."""
    before = old_outputs.get("identity")
    now = identity_in_folder(_cluster(inputs).directory)
    return now if before and now and now != before else None


def _require_same(inputs: Properties, old_outputs: Properties) -> None:
    if now := _another(inputs, old_outputs):
        raise EmbeddedError(
            f"{inputs['name']}: its folder on this machine contains another cluster ({now}) than the one of this stack "
            f"({old_outputs['identity']}); put the right folder back, or remove it and run the same command again"
        )


def _cluster(inputs: Properties) -> Cluster:
    return Cluster(Workspace.of(str(inputs["fleet"])), str(inputs["name"]))


def _spec(inputs: Properties) -> ClusterSpec:
    spec = ClusterSpec(name=inputs["name"], kubernetes_version=inputs["kubernetesVersion"], nodes=inputs["nodes"])
    return replace(
        spec,
        pod_cidr=inputs.get("podCidr"),
        service_cidr=inputs.get("serviceCidr"),
        region=inputs.get("region"),
        zone=inputs.get("zone"),
    )


def _outputs(running: RunningCluster, state: str = "running") -> Properties:
    return {
        "kubeconfig": running.kubeconfig,
        "server": running.server,
        "identity": running.identity,
        "state": state,
    }
