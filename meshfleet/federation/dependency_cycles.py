"""Objects that would wait for each other: dependencies that lead back to where they begin."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from meshfleet.errors.faults import Fault
from meshfleet.federation.definitions import definition_of
from meshfleet.topology.propagation.kinds import DEFINITION, NAMESPACE, ObjectKey, kind_of

if TYPE_CHECKING:
    from meshfleet.federation.propagated import Propagated

Edges = Mapping[ObjectKey, Collection[ObjectKey]]


def cycle_faults(objects: Sequence[Propagated]) -> Iterator[Fault]:
    """Yield a fault for a cycle of references in a cluster; a namespace and a definition are waited for as well."""
    # Without a cycle over all clusters there is none in any of them, which spares a look at each.
    if not _cycle(edges(objects, None)):
        return
    paths = {one.key: one.path for one in objects}
    for cluster in dict.fromkeys(name for one in objects for name in one.copies):
        if found := _cycle(edges([one for one in objects if cluster in one.copies], cluster)):
            way = " → ".join(key.short for key in (*found, found[0]))
            yield Fault(
                paths[found[0]],
                f"waits for itself in {cluster}: {way}; take away one of these references, or what follows it",
            )
            return


def edges(objects: Sequence[Propagated], cluster: str | None) -> dict[ObjectKey, list[ObjectKey]]:
    """What each object has to come after in a cluster, by keys that are there; None for all clusters together."""
    known = {one.key for one in objects}
    defined: dict[tuple[str, str], ObjectKey] = {}
    for one in objects:
        body = one.body if cluster is None else one.copies[cluster].body
        if kind_of(one.body) == DEFINITION and (found := definition_of(body)):
            defined[found.group, found.kind] = one.key
    made: dict[ObjectKey, list[ObjectKey]] = {}
    for one in objects:
        if cluster is None:
            required: Collection[ObjectKey] = {key for keys in set(one.requires.values()) for key in keys}
        else:
            required = one.requires.get(cluster, ())
        around = (ObjectKey(*NAMESPACE, "", one.key.namespace), defined.get(one.key[:2]))
        made[one.key] = [key for key in (*required, *around) if key is not None and key in known]
    return made


def _cycle(after: Edges) -> tuple[ObjectKey, ...]:
    """A cycle, which begins with the smallest of its keys; empty where there is none."""
    done: set[ObjectKey] = set()
    for start in sorted(after):
        way: dict[ObjectKey, Iterator[ObjectKey]] = {}
        if start not in done:
            way[start] = iter(sorted(after[start]))
        while way:
            last = next(reversed(way))
            following = next(way[last], None)
            if following is None:
                done.add(last)
                del way[last]
            elif following in way:
                keys = [*way]
                found = keys[keys.index(following) :]
                least = found.index(min(found))
                return (*found[least:], *found[:least])
            elif following not in done:
                way[following] = iter(sorted(after[following]))
    return ()
