"""Import objects into the state that an interrupted run created in existing clusters without recording them.

Objects that existed before are not adopted: the state lists pending create operations (`pending_operations`), and the
object must have been created or applied by a Pulumi Kubernetes plugin. In an embedded cluster, which belongs to the
stack as a whole, the plugin takes over existing objects.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from meshfleet.automation.state.recorded_state import Deployment, Resource, resources_of
from meshfleet.automation.unfinished_releases import RELEASE
from meshfleet.components.kubeconfig_file import kubeconfig_files
from meshfleet.errors import MeshfleetError

if TYPE_CHECKING:
    from meshfleet.automation.session import Session
    from meshfleet.kube.releases.server import Server

_PREFIX: Final = "kubernetes:"
# The field manager of both plugins for create, and with a suffix for each resource for apply
# (provider/pkg/await/await.go and provider/pkg/provider/provider.go of pulumi/pulumi-kubernetes).
_MANAGER: Final = "pulumi-kubernetes"
_CREATING: Final = "creating"


def import_pending_objects(session: Session) -> list[str]:
    """Import pending objects of the existing clusters that respond; their resource names."""
    found: list[Resource] = []
    topology = session.topology
    files = kubeconfig_files(topology)
    for name, cluster in topology.clusters.items():
        begun = list(pending_in(session.engine.recorded(), name)) if (named := cluster.capabilities.context) else []
        if named and begun:
            try:
                found += created_of(files[name].content, named.context, begun)
            except MeshfleetError as error:
                session.notify(f"{name}: cannot clean up after the interrupted run: {error}")
                session.unsettled.clusters.add(name)
    if found:
        session.engine.rewrite(lambda deployment: with_recorded(deployment, found))
        for resource in found:
            session.notify(
                f"{str(resource['urn']).rpartition('::')[2]}: imported into the state, created by the interrupted run"
            )
    return [str(resource["urn"]).rpartition("::")[2] for resource in found]


def pending_in(deployment: Deployment, cluster: str) -> Iterator[Resource]:
    """The pending create operations of a cluster in the state."""
    for operation in deployment.get("pending_operations") or []:
        resource = operation.get("resource") or {}
        kind = str(resource.get("type", ""))
        if (
            operation.get("type") == _CREATING
            and kind.startswith(_PREFIX)
            and kind != RELEASE
            and not kind.endswith("Patch")
            and str(resource.get("urn", "")).rpartition("::")[2].startswith(f"{cluster}/")
            and _name(resource)
        ):
            yield resource


def with_recorded(deployment: Deployment, made: list[Resource]) -> Deployment:
    """The state with these resources added if missing. Their dependencies precede them in the state."""
    known = {resource["urn"] for resource in resources_of(deployment)}
    return {
        **deployment,
        "resources": [*resources_of(deployment), *(each for each in made if each["urn"] not in known)],
    }


def created_of(kubeconfig: str, context: str | None, begun: list[Resource]) -> Iterator[Resource]:
    """The pending objects that a Pulumi plugin has created in a cluster, as recorded resources. Raises ClusterError."""
    from meshfleet.kube.api_errors import expected_form
    from meshfleet.kube.releases.server import connected

    if not begun:
        return
    with connected(kubeconfig, context) as server:
        for resource in begun:
            live = _live(server, resource)
            with expected_form(_name(resource)):
                manager = field_manager(live, str(resource["urn"])) if live else None
                recorded = as_recorded(resource, live["metadata"], manager) if live and manager else None
            if recorded:
                yield recorded


def as_recorded(begun: Resource, metadata: Mapping[str, Any], manager: str) -> Resource:
    """A resource as the plugins record it; a refresh adds the remaining outputs.

    Secret values stay encrypted.
    """
    inputs = begun.get("inputs") or {}
    namespace = metadata.get("namespace")
    return {
        **copy.deepcopy(begun),
        "id": f"{namespace}/{metadata['name']}" if namespace else str(metadata["name"]),
        "outputs": {
            **copy.deepcopy(inputs),
            "__inputs": copy.deepcopy(inputs),
            "__initialApiVersion": inputs.get("apiVersion"),
            "__fieldManager": manager,
        },
    }


def _live(server: Server, resource: Resource) -> dict[str, Any] | None:
    inputs = resource["inputs"]
    kind = server.kind(str(inputs.get("apiVersion")), str(inputs.get("kind")))
    if kind is None:
        return None
    namespace = str((inputs.get("metadata") or {}).get("namespace") or "default")
    return server.get(f"{kind.collection(namespace)}/{_name(resource)}", f"{inputs.get('kind')} {_name(resource)}")


def _name(resource: Resource) -> str:
    metadata = (resource.get("inputs") or {}).get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return name if isinstance(name, str) else ""


def field_manager(live: Mapping[str, Any], urn: str) -> str | None:
    """The field manager of a plugin for an object; None if no plugin created it.

    An object that was created with a plain request is first applied by its first update, with any field manager.
    """
    entries = (live.get("metadata") or {}).get("managedFields") or []
    makers = [(str(entry.get("manager", "")), entry.get("operation")) for entry in entries]
    for manager, operation in makers:
        if manager.startswith(_MANAGER) and operation == "Apply":
            return manager
    if (_MANAGER, "Update") in makers:
        from meshfleet.plugins.kubernetes import shapes

        return shapes.field_manager(urn, {}, None)
    return None
