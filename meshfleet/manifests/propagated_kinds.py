"""Which kinds of propagated objects a cluster has to be asked for, since nothing that is declared says they are served.

Every API server serves what Kubernetes has had for long. The fleet's own definitions, and those that are propagated,
are known to be there by the time an object of theirs comes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from meshfleet.federation.definitions import definition_of
from meshfleet.federation.faults import installed_by_the_fleet
from meshfleet.federation.propagated import Propagated
from meshfleet.manifests import registry
from meshfleet.manifests.objects import Release
from meshfleet.manifests.placeholders import Placeholders
from meshfleet.manifests.plan import documents_in
from meshfleet.topology import Fleet
from meshfleet.topology.propagation.kinds import DEFINITION, is_always_served, kind_of


def uncertain(fleet: Fleet, cluster: str, objects: Iterable[Propagated]) -> list[Propagated]:
    """Those of the objects that go to a cluster whose kind, in their version, it may not serve."""
    asked = [
        one
        for one in objects
        if not is_always_served(_version(one, cluster), one.key.kind)
        and not installed_by_the_fleet(fleet, cluster, one.key.group)
    ]
    defined = set(_defined(fleet, cluster)) if asked else set()
    return [one for one in asked if one.key[:2] not in defined]


def _version(one: Propagated, cluster: str) -> str:
    return str(one.copies[cluster].body["apiVersion"])


def _defined(fleet: Fleet, cluster: str) -> Iterator[tuple[str, str]]:
    """Group and kind of what documents of the cluster define; their versions are compared where they are declared."""
    known = Placeholders(fleet)
    for section in registry.SECTIONS:
        for document in documents_in(section, fleet, cluster, known):
            body = document.body
            if isinstance(body, Release) or kind_of(body) != DEFINITION:
                continue
            if found := definition_of(body):
                yield found.group, found.kind
