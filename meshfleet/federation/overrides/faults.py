"""What is wrong with the overrides of a propagation, found by making each of its objects with them.

Overrides are applied as in the clusters of the fleet, so that one that builds on an earlier one is seen with it, and
those of different clusters are not mixed. Clusters in which the same overrides apply to an object are one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from typing import Final

from meshfleet.errors import DocumentError
from meshfleet.errors.faults import Fault
from meshfleet.federation.affinity import listed
from meshfleet.federation.overrides.changes import changes
from meshfleet.federation.overrides.override import ClusterSelected, applied_to, named, selects
from meshfleet.federation.overrides.pod_templates import Object
from meshfleet.redaction.shown import shown
from meshfleet.topology.propagation.overrides import Override

_SHOWN: Final = 3
_SELECT: Final = "; objects selects the objects that it is for"


def faults(
    place: str, objects: Sequence[Object], overrides: Sequence[Override], clusters: Iterable[ClusterSelected] = ()
) -> Iterator[Fault]:
    """Yield every fault of the overrides of the propagation at `place`, such as `propagations.shop`.

    `clusters` has for each cluster of the fleet whether an affinity selects it. An override that selects none of them
    is applied by itself; what is wrong with its affinity is not found here.
    """
    selections = {
        frozenset(number for number, override in enumerate(overrides) if selected(override.target_clusters))
        for selected in clusters
    }
    alone = set(range(len(overrides))) - {number for selection in selections for number in selection}
    selections |= {frozenset({number}) for number in alone}
    taken: set[str] = set()
    # What is wrong with a change, and the objects of which it is.
    wrong: dict[tuple[str, str], dict[str, None]] = {}
    for body in objects:
        meant = frozenset(number for number, override in enumerate(overrides) if selects(override.objects, body))
        for selection in {selection & meant for selection in selections}:
            for path, reason in _wrong(body, overrides, selection, taken):
                wrong.setdefault((path, reason), {})[named(body)] = None
    for (path, reason), bodies in wrong.items():
        yield Fault(f"{place}.{path}", f"{listed(bodies, _SHOWN)}: {reason}")
    taken |= {path for path, _ in wrong}
    for number, override in enumerate(overrides):
        here = f"overrides[{number}]"
        meant_here = [body for body in objects if selects(override.objects, body)]
        if not meant_here:
            yield Fault(f"{place}.{here}.objects", _selects_nothing(override, objects))
            continue
        for change in changes(here, override):
            if change.path not in taken:
                reasons = list(dict.fromkeys(f"{named(body)}: {change.missing(body)}" for body in meant_here[:_SHOWN]))
                more = f"; and {len(meant_here) - _SHOWN} more" if len(meant_here) > _SHOWN else ""
                yield Fault(f"{place}.{change.path}", f"no object has what it changes; {'; '.join(reasons)}{more}")
        if override.strategic_merge is not None and override.strategic_merge.keys() - {"metadata"}:
            kinds = dict.fromkeys(f"{body['apiVersion']} {body['kind']}" for body in meant_here)
            if len(kinds) > 1:
                found = f"is merged into objects of {len(kinds)} kinds: {listed(kinds, _SHOWN)}"
                yield Fault(f"{place}.{here}.strategicMerge", found + _SELECT)


def _wrong(
    body: Object, overrides: Sequence[Override], selection: frozenset[int], taken: set[str]
) -> Iterator[tuple[str, str]]:
    """What is wrong with an object where a selection of overrides applies; adds the changes that fit to `taken`."""
    made = body
    for number in sorted(selection):
        selector = overrides[number].objects
        for change in changes(f"overrides[{number}]", overrides[number]):
            try:
                changed = applied_to(made, change, required=bool(selector.kind))
            except DocumentError as error:
                yield change.path, f"{error}{'' if selector.kind else _SELECT}"
                continue
            if changed is not None:
                made = changed
                taken.add(change.path)


def _selects_nothing(override: Override, objects: Sequence[Object]) -> str:
    """Why an override selects no object, with what was probably meant."""
    given = override.objects
    wanted = {"apiVersion": given.api_version, "kind": given.kind, "name": given.name, "namespace": given.namespace}
    asked = ", ".join(f"{field} {shown(value)}" for field, value in wanted.items() if value)
    names = [named(body) for body in objects]
    near = get_close_matches(f"{given.kind} {given.name}".strip(), names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}? " if near else ""
    return f"no object of the propagation has {asked}; {hint}known are {listed(names, _SHOWN)}"
