"""Registers documents as resources, and resolves what each of them waits for.

What exists, its name and what it waits for is decided by the sections of `meshfleet/manifests/`; the values that only
this run knows come from `Outputs`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import pulumi

from meshfleet.components.cluster import ClusterAccess
from meshfleet.components.component import Component
from meshfleet.components.helm_release import helm_release
from meshfleet.components.kubernetes_object import KubernetesObject
from meshfleet.components.outputs import Outputs
from meshfleet.errors import DocumentError
from meshfleet.manifests import Document, Object, Release, registry
from meshfleet.manifests.additions import with_additions
from meshfleet.manifests.objects import Chart
from meshfleet.manifests.propagations import PREFIX
from meshfleet.manifests.section import Point, Section
from meshfleet.topology import Fleet


class Registration:
    """The documents of a fleet that are registered so far, and the points that are reached.

    `servers` are API servers beside that of the host, by what documents call them.

    A component registers its sections with `register` and says with `reached` what they prepare for others. Sections
    without a component of their own are registered by `group`.
    """

    def __init__(
        self, fleet: Fleet, access: Mapping[str, ClusterAccess], known: Outputs, opts: pulumi.ResourceOptions
    ) -> None:
        self.fleet, self.access, self.known = fleet, access, known
        self.servers: dict[str, pulumi.ProviderResource] = {}
        self._opts = opts
        self._there: dict[str, dict[str, list[pulumi.Resource]]] = {
            name: {Point.NODES: list(cluster.nodes)} for name, cluster in access.items()
        }
        self._groups: dict[tuple[str, str], Component] = {}
        self._registered: set[tuple[str, str]] = set()

    def register(self, component: Component, cluster: str, *sections: Section) -> dict[str, pulumi.Resource]:
        """Register the documents of sections for a cluster as children of `component`; the resources by document.

        Raises DocumentError for a document that waits for something that is not registered, for a name that is
        registered already, and for an addition that does not fit.
        """
        made: dict[str, pulumi.Resource] = {}
        for section in sections:
            made |= self._documents(component, cluster, section, self._of(section, cluster))
        return made

    def group(self, section: Section, cluster: str, name: str = "") -> None:
        """Register a section for a cluster in a component that only groups its documents, called `name`."""
        documents = self._of(section, cluster)
        if not documents and not section.always(self.fleet, cluster):
            self._registered.add((section.name, cluster))
            return
        key = (section.component, name or cluster)
        if key not in self._groups:
            self._groups[key] = Component(name or cluster, self._opts, kind=section.component)
        self._documents(self._groups[key], cluster, section, documents)

    def remaining(self, cluster: str) -> list[Section]:
        """The sections that are not registered for a cluster, in the order of their stages."""
        return [section for section in registry.in_order() if (section.name, cluster) not in self._registered]

    def reached(self, cluster: str, point: Point, resources: Iterable[pulumi.Resource]) -> None:
        """Let documents wait for `point` of a cluster, which is reached when all resources are done."""
        self._there[cluster][point] = list(resources)

    def waits(self, cluster: str, after: Sequence[str], waiting: str = "a resource") -> list[pulumi.Resource]:
        """The resources of documents and points, as `Document.after` names them for something in `cluster`.

        Raises DocumentError for a name that is not registered.
        """
        found: list[pulumi.Resource] = []
        for name in after:
            other, separator, what = name.rpartition("/")
            place = other if separator else cluster
            if what.startswith(PREFIX) and self._rolls_back(place) and what not in self._there[place]:
                # What names a Service that goes with the rollback of its wave stays, and names it again with the next.
                continue
            if what not in self._there.get(place, {}):
                known = ", ".join(sorted(self._there.get(place, {}))) or "nothing"
                raise DocumentError(
                    f"{cluster}: {waiting} waits for {what} of {place}, which is not registered before it; registered "
                    f"there: {known}; correct `after`, or move its section behind that one in manifests/registry.py"
                )
            found += self._there[place][what]
        return found

    def _rolls_back(self, cluster: str) -> bool:
        return any(cluster in there for there in self.fleet.restored.values())

    def done(self) -> None:
        """Complete the components that `group` has made; the last call."""
        for component in self._groups.values():
            component.done()

    def _of(self, section: Section, cluster: str) -> Sequence[Document]:
        return section.documents(self.fleet, cluster, self.known)

    def _documents(
        self, component: Component, owner: str, section: Section, documents: Sequence[Document]
    ) -> dict[str, pulumi.Resource]:
        made = {}
        for own in documents:
            cluster = own.cluster or owner
            (document,) = with_additions(self.fleet, cluster, [own])
            if document.name in self._there[cluster]:
                raise DocumentError(
                    f"{cluster}: the document {document.name} of the section {section.name} is registered already; "
                    "give it another name"
                )
            made[document.name] = self._document(component, cluster, document)
            self._there[cluster][document.name] = [made[document.name]]
        self._registered.add((section.name, owner))
        return made

    def _document(self, component: Component, cluster: str, document: Document) -> pulumi.Resource:
        access, body = self.access[cluster], document.body
        options = component.child(
            provider=self.servers[document.server] if document.server else access.provider,
            after=self.waits(cluster, document.after, document.name),
            # What is in another server does not end with the cluster.
            deleted_with=None if document.server else access.goes_with,
            secret_outputs=_secret_outputs(body),
            keep=document.keep,
        )
        name = f"{cluster}/{document.name}"
        if isinstance(body, Release):
            return helm_release(name, self.fleet, access, body, options)
        return KubernetesObject(name, body, options)


def _secret_outputs(body: Object | Release) -> tuple[str, ...]:
    """What a cluster returns is as secret as what is sent: the `data` of Secrets, and values with keys."""
    if isinstance(body, Release):
        return ("values",) if body.chart == Chart.KARMADA else ()
    return ("data",) if body["kind"] == "Secret" else ()
