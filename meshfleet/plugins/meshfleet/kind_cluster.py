"""`meshfleet:index:KindCluster`: a kind cluster, whose nodes are containers of a Docker engine on this machine.

Another version, range, image, engine or number of nodes makes another cluster: kind changes none of them.
"""

from __future__ import annotations

from typing import Final

from meshfleet.embedded.cluster_ranges import RANGES, release_ranges, reserve_ranges
from meshfleet.kind.cluster import RUNNING, KindCluster, RunningKind
from meshfleet.kind.engine import engine_for
from meshfleet.kind.spec import KindSpec
from meshfleet.plugins.meshfleet.handler import UNKNOWN, Created, Difference, Fault, Properties, changed
from meshfleet.plugins.meshfleet.input_checks import (
    check_count,
    check_known,
    check_names,
    check_optional_texts,
    check_ranges,
    check_version,
)
from meshfleet.workspace.home import Workspace

_REQUIRED: Final = ("fleet", "name", "network", "kubernetesVersion")
_OPTIONAL: Final = (
    *("nodes", "images", "image", "socket", "podCidr", "serviceCidr", "region", "zone", "addresses", "laterImages"),
)
_REPLACING: Final = frozenset(
    {"fleet", "name", "kubernetesVersion", "nodes", "images", "image", "socket", "podCidr", "serviceCidr"}
)
_IMAGES: Final = ("built", "published")
_MOST_NODES: Final = 20
_MOST_ADDRESSES: Final = 1000
GONE: Final = "gone: its containers are not there"


class KindClusterHandler:
    """Life cycle of a kind cluster; see `ResourceHandler`."""

    outputs = frozenset({"kubeconfig", "server", "gatewayAddresses", "nodeImage", "mark", "state"})
    secret_inputs: frozenset[str] = frozenset()
    secret_outputs = frozenset({"kubeconfig"})

    def check(self, inputs: Properties) -> tuple[Properties, list[Fault]]:
        """One node of a built image by default; `addresses` is how many its gateways need."""
        filled: Properties = {"nodes": 1, "images": "built", "addresses": 1, **inputs}
        faults = [
            *check_known(filled, (*_REQUIRED, *_OPTIONAL)),
            *check_names(filled, ("fleet", "name", "network")),
            *check_version(filled, "kubernetesVersion"),
            *check_count(filled, "nodes", 1, _MOST_NODES),
            *check_count(filled, "addresses", 0, _MOST_ADDRESSES),
            *check_ranges(filled, ("podCidr", "serviceCidr")),
            *check_optional_texts(filled, ("image", "socket", "region", "zone")),
        ]
        later = filled.get("laterImages", [])
        if later is not UNKNOWN and not (isinstance(later, list) and all(isinstance(one, str) for one in later)):
            faults.append(Fault("laterImages", f"must be a list of images, got {later!r}"))
        images = filled["images"]
        if images is not UNKNOWN and images not in _IMAGES:
            faults.append(Fault("images", f"must be {' or '.join(_IMAGES)}, got {images!r}"))
        return filled, faults

    def diff(self, old_inputs: Properties, old_outputs: Properties, new_inputs: Properties) -> Difference:
        """`state` differs when a container is not there or does not run: the next up makes or starts it again."""
        names = changed(old_inputs, new_inputs)
        replaces = tuple(name for name in names if name in _REPLACING)
        updates = tuple(name for name in names if name not in _REPLACING)
        if not replaces:
            state = _cluster(old_inputs, old_outputs).state()
            if state is None:
                # A new cluster is empty: all that was in the old one must come again.
                replaces = ("state",)
            elif state != RUNNING or old_outputs.get("state") != RUNNING:
                updates = (*updates, "state")
        return Difference(updates, replaces, delete_before_replace=True)

    def preview(self, old_outputs: Properties | None, new_inputs: Properties) -> Properties:
        """Certificates outlive a restart, so only a new cluster has an unknown kubeconfig."""
        known = {name: value for name, value in (old_outputs or {}).items() if name != "gatewayAddresses"}
        addresses = (old_outputs or {}).get("gatewayAddresses")
        if addresses is not None and len(addresses) == max(new_inputs["addresses"], 1):
            known["gatewayAddresses"] = addresses
        return known | {"state": RUNNING}

    def create(self, inputs: Properties, timeout: float) -> Created:
        """Makes it and waits until its nodes are ready; the remains of an interrupted create are removed first."""
        running = _cluster(inputs, {}).create(_spec(inputs), str(inputs.get("socket") or ""), timeout)
        return Created(f"{inputs['fleet']}/{inputs['name']}", _outputs(running))

    def read(self, identifier: str, inputs: Properties, old_outputs: Properties) -> Properties | None:
        """`state` as it is now, also when there is none left, since only a replacement takes along what is in it."""
        cluster = _cluster(inputs, old_outputs)
        state = cluster.state()
        if state is None:
            return old_outputs | {"state": GONE}
        if state != RUNNING:
            return old_outputs | {"state": state}
        return _outputs(cluster.running(str(old_outputs.get("nodeImage") or ""), _count(inputs)))

    def update(
        self,
        identifier: str,
        old_inputs: Properties,
        old_outputs: Properties,
        new_inputs: Properties,
        timeout: float,
    ) -> Properties:
        """Starts what does not run, sets again labels, routes and addresses, and loads `laterImages` that lack."""
        cluster = _cluster(new_inputs, old_outputs)
        image = str(old_outputs.get("nodeImage") or "")
        return _outputs(cluster.repair(_spec(new_inputs), str(new_inputs.get("socket") or ""), image))

    def delete(self, identifier: str, inputs: Properties, old_outputs: Properties, timeout: float) -> None:
        """Removes every container that is marked as its own, its files and its ranges."""
        cluster = _cluster(inputs, old_outputs)
        cluster.delete()
        release_ranges(cluster.workspace.home, _ranges_of(cluster.workspace, inputs))


def _cluster(inputs: Properties, outputs: Properties) -> KindCluster:
    engine = engine_for(str(inputs.get("socket") or ""), built=inputs["images"] == "built")
    workspace = Workspace.of(str(inputs["fleet"]))
    return KindCluster(workspace, str(inputs["name"]), engine, str(outputs.get("mark") or ""))


def _count(inputs: Properties) -> int:
    # The engine passes every number as a double.
    return int(inputs["addresses"])


def _ranges_of(workspace: Workspace, inputs: Properties) -> str:
    return workspace.owner(RANGES, str(inputs["name"]))


def _spec(inputs: Properties) -> KindSpec:
    workspace = Workspace.of(str(inputs["fleet"]))
    services, pods = inputs.get("serviceCidr"), inputs.get("podCidr")
    if not (services and pods):
        reserved = reserve_ranges(workspace.home, _ranges_of(workspace, inputs))
        services, pods = services or reserved[0], pods or reserved[1]
    return KindSpec(
        name=str(inputs["name"]),
        network=str(inputs["network"]),
        kubernetes_version=str(inputs["kubernetesVersion"]),
        nodes=int(inputs["nodes"]),
        built=inputs["images"] == "built",
        image=str(inputs.get("image") or ""),
        pod_cidr=str(pods),
        service_cidr=str(services),
        region=str(inputs.get("region") or ""),
        zone=str(inputs.get("zone") or ""),
        addresses=_count(inputs),
        later_images=tuple(map(str, inputs.get("laterImages") or ())),
    )


def _outputs(running: RunningKind) -> Properties:
    return {
        "kubeconfig": running.kubeconfig,
        "server": running.server,
        "gatewayAddresses": running.addresses,
        "nodeImage": running.image,
        "mark": running.mark,
        "state": RUNNING,
    }
