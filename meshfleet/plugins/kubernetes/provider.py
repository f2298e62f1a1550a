"""The stand-in for the official Kubernetes provider: takes the engine's requests and sends each where it belongs.

It does what this project registers (objects of any kind, their Patch variants, Helm releases) as the official
provider does, and refuses everything else by name. The conformance suite in tests/plugins/kubernetes holds both to
the same behaviour. Nothing connects to a cluster before something has to be done or read there.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from meshfleet.plugins.kubernetes.faults import UnreachableError
from meshfleet.plugins.kubernetes.kinds import unsupported
from meshfleet.plugins.kubernetes.object_resources import ObjectResources
from meshfleet.plugins.kubernetes.release_resources import ReleaseResources
from meshfleet.plugins.kubernetes.release_rules import TOKEN as RELEASE
from meshfleet.plugins.kubernetes.settings import Settings, active_cluster, read_settings
from meshfleet.plugins.kubernetes.values import Unknown, plain_object
from meshfleet.plugins.protocol import (
    CheckRequest,
    CheckResponse,
    ConfigureRequest,
    ConfigureResponse,
    ConstructRequest,
    CreateRequest,
    CreateResponse,
    DeleteRequest,
    DiffRequest,
    DiffResponse,
    InvokeRequest,
    Provider,
    ReadRequest,
    ReadResponse,
    UpdateRequest,
    UpdateResponse,
)

if TYPE_CHECKING:
    from meshfleet.plugins.kubernetes.connection import Connection
    from meshfleet.plugins.kubernetes.objects import Objects
    from meshfleet.plugins.kubernetes.releases import Releases

# The version of the `pulumi_kubernetes` SDK whose resources it understands.
VERSION = "4.34.2"

_CLUSTER_INPUTS = ("kubeconfig", "context", "cluster")


class KubernetesProvider(Provider):
    """One explicit provider of a program: one cluster."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._connection: Connection | None = None
        self._objects: Objects | None = None
        self._releases: Releases | None = None
        self._unreachable: bool | None = None
        self._configure(Settings())

    def _configure(self, settings: Settings) -> None:
        self._settings = settings
        self._object_resources = ObjectResources(settings, self._connected_objects)
        self._release_resources = ReleaseResources(settings, self._connected_releases)

    def check_config(self, request: CheckRequest) -> CheckResponse:
        """Refuse settings that this plugin must not ignore."""
        read_settings({}, plain_object(request.new_inputs))
        return CheckResponse(inputs=request.new_inputs)

    def diff_config(self, request: DiffRequest) -> DiffResponse:
        """Another cluster replaces everything in it; the same cluster with other credentials does not.

        Which cluster it is says `clusterIdentifier` if it is set, else the cluster entry of the kubeconfig.
        """
        old, new = plain_object(request.old_state), plain_object(request.new_inputs)
        changed = sorted(key for key in set(old) | set(new) if old.get(key) != new.get(key))
        if not changed:
            return DiffResponse(changes=False)
        before, now = old.get("clusterIdentifier"), new.get("clusterIdentifier")
        replaces: list[str] = []
        if before and now:
            replaces = ["clusterIdentifier"] if before != now else []
        elif any(isinstance(new.get(key), Unknown) for key in _CLUSTER_INPUTS):
            replaces = [key for key in _CLUSTER_INPUTS if isinstance(new.get(key), Unknown)]
        else:
            then, later = active_cluster(old), active_cluster(new)
            if then is not None and later is not None and then != later:
                replaces = [key for key in _CLUSTER_INPUTS if key in changed]
        return DiffResponse(changes=True, replaces=replaces, diffs=changed)

    def configure(self, request: ConfigureRequest) -> ConfigureResponse:
        """Take the settings; connects to nothing."""
        self._configure(read_settings(request.variables, plain_object(request.args)))
        return ConfigureResponse(
            accept_secrets=True,
            supports_preview=True,
            accept_resources=False,
            accept_outputs=False,
        )

    def check(self, request: CheckRequest) -> CheckResponse:
        """Check; while an unreachable cluster is to be skipped, keep the inputs of the last run."""
        if request.type == RELEASE:
            return self._release_resources.check(request)
        if self._settings.skip_update_unreachable and request.old_inputs and self._is_unreachable():
            return CheckResponse(inputs=request.old_inputs)
        return self._object_resources.check(request)

    def diff(self, request: DiffRequest) -> DiffResponse:
        """Compare; needs no cluster."""
        return self._resources(request.type).diff(request)

    def create(self, request: CreateRequest) -> CreateResponse:
        """Create."""
        return self._resources(request.type).create(request)

    def read(self, request: ReadRequest) -> ReadResponse:
        """Read; an unreachable cluster counts as gone or as unchanged where the user says so."""
        if request.type == RELEASE:
            return self._release_resources.read(request)
        try:
            return self._object_resources.read(request)
        except UnreachableError:
            if self._settings.delete_unreachable:
                return ReadResponse()
            if self._settings.skip_update_unreachable:
                return ReadResponse(request.resource_id, request.properties, request.inputs)
            raise

    def update(self, request: UpdateRequest) -> UpdateResponse:
        """Update."""
        return self._resources(request.type).update(request)

    def delete(self, request: DeleteRequest) -> None:
        """Delete; with `deleteUnreachable` an unreachable cluster's objects only leave the state."""
        if request.type == RELEASE:
            return self._release_resources.delete(request)
        try:
            self._object_resources.delete(request)
        except UnreachableError:
            if not self._settings.delete_unreachable:
                raise

    def invoke(self, request: InvokeRequest) -> None:
        """No function is supported."""
        raise unsupported(request.tok)

    def construct(self, request: ConstructRequest) -> None:
        """No component is supported."""
        raise unsupported(request.type)

    def cancel(self) -> None:
        """End waits and running helms."""
        if self._objects is not None:
            self._objects.cancel()
        if self._releases is not None:
            self._releases.cancel()

    def _resources(self, token: str) -> ObjectResources | ReleaseResources:
        return self._release_resources if token == RELEASE else self._object_resources

    def _connected(self) -> Connection:
        with self._lock:
            if self._connection is None:
                # Imported here: a run with nothing to do never gets so far, and starts in a third of the time.
                from meshfleet.plugins.kubernetes.connection import Connection

                self._connection = Connection(self._settings)
            return self._connection

    def _connected_objects(self) -> Objects:
        with self._lock:
            if self._objects is None:
                from meshfleet.plugins.kubernetes.objects import Objects

                self._objects = Objects(self._connected(), self._settings)
            return self._objects

    def _connected_releases(self) -> Releases:
        with self._lock:
            if self._releases is None:
                from meshfleet.plugins.kubernetes.helm import Helm
                from meshfleet.plugins.kubernetes.records import Records
                from meshfleet.plugins.kubernetes.releases import Releases

                self._releases = Releases(Helm(self._settings), Records(self._connected()))
            return self._releases

    def _is_unreachable(self) -> bool:
        with self._lock:
            if self._unreachable is None:
                if not self._settings.known:
                    return False
                try:
                    self._connected().fetch("/version", "its version")
                    self._unreachable = False
                except UnreachableError:
                    self._unreachable = True
            return self._unreachable
