"""Every value of every field of a stack file works, or is refused by the name of its field."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from typing import Any

import pytest

from meshfleet.errors.faults import Fault, join
from meshfleet.federation.dns_faults import dns_faults
from meshfleet.federation.faults import propagation_faults
from meshfleet.federation.service_faults import service_faults
from meshfleet.manifests import Release, fleet_plan
from meshfleet.manifests.addition_faults import checked
from meshfleet.topology import Fleet, TopologyError, load
from tests.topology.every_field import (
    ELSEWHERE,
    FEDERATED,
    HERE,
    INSTALLED,
    ISSUING,
    NAMING,
    PACKAGED,
    PORTAL,
    PROPAGATING,
    Config,
    Empty,
    Path,
    declared_fields,
    named,
    places,
)
from tests.topology.kubernetes_names import object_faults, release_faults

pytestmark = pytest.mark.proof("every value of a stack file works or is refused by its name", step=0)

NAMES = [
    *("", " ", "a b", "-a", "a-", "a_b", "A", "ü", "1", "1a", "a.b", "a..b", "..", "../../etc/passwd", "a/b"),
    *("a" * 54, "a" * 64, "a" * 254, "a" * 5000, "a\nb", "a\n", "\0", "\x1b[2J", "\x7f", "\u2028", "\ud800"),
    *("yes", "null", "*", "*.", "${x}", "{{ .Values }}", "<a>", '"', "$(id)"),
]
ADDRESSES = [
    *("127.0.0.1", "0.0.0.0", "0.1.2.3", "224.0.0.1", "255.255.255.255", "169.254.1.1", "300.1.2.3", "::", "::1"),
    *("fe80::1", "fe80::1%eth0", "ff02::1", "::ffff:1.2.3.4", "2001:db8::1", "[::1]", "198.18.0.7", "127.0.0.0/8"),
    *("224.0.0.0/4", "0.0.0.0/0", "169.254.0.0/16", "198.18.0.0/16", "240.0.0.0/4", "10.0.0.1/8", "10.0.0.0/32"),
    *("10.0.0.0/33", "10.0.0.0/8", "::/0", "fe80::/10", "fd00::/64", "fd00::/128", "100.64.0.0/10"),
]
URLS = [
    *("https://", "https://a b", "https://x:0", "https://x:99999", "https://x:", "https://u:p@x", "http://x", "oci://"),
    *("https://x/\0", "https://300.1.2.3", "https://-x", "https://[::1", "https://x?a", "file:///etc", "1h", "0s"),
]
NUMBERS = [-1, 0, 1, 22, 15000, 15090, 65535, 65536, 2**31, 2**63, 10**400, 0.5, 1e308, math.inf, math.nan, True]
SHAPES: list[object] = [None, [], {}, [None], {"a": 1}]
FLEETS = {
    "here": HERE,
    "elsewhere": ELSEWHERE,
    "issuing": ISSUING,
    "propagating": PROPAGATING,
    "naming": NAMING,
    "portal": PORTAL,
    "federated": FEDERATED,
    "installed": INSTALLED,
    "packaged": PACKAGED,
}


def test_the_fleets_are_good_and_set_every_field() -> None:
    for name, config in FLEETS.items():
        checked(load(name, config, Empty()))
    covered = {field for config in FLEETS.values() for _, field in places(config)}
    assert sorted(declared_fields() - covered) == []
    assert len(declared_fields()) >= 95


@pytest.mark.sweep("every field has every hostile value")
def test_every_value_works_or_is_refused_at_its_field() -> None:
    tried = 0
    for config, path in _first_places():
        for value in _values(_at(config, path)):
            _works_or_is_refused(_with(config, path, value), path, value, str(_at(config, path)))
            tried += 1
    assert tried > 4000


def test_names_work_or_are_refused_where_their_kind_is_first_given() -> None:
    """The sweep below tries every name at every place; here every third one is tried for each kind, by turns."""
    seen: set[Path] = set()
    tried = 0
    for config in FLEETS.values():
        for path, kind in named(config):
            if kind not in seen:
                tried += _try_names(config, path, NAMES[len(seen) % 3 :: 3])
                seen.add(kind)
    assert tried > 350


@pytest.mark.sweep("every place of a name in every fleet has every hostile name")
def test_every_name_works_or_is_refused_at_its_place() -> None:
    assert sum(_try_names(config, path, NAMES) for config in FLEETS.values() for path, _ in named(config)) > 4000


def _try_names(config: Config, path: Path, names: list[str]) -> int:
    for name in names:
        changed = _renamed(config, str(path[-1]), name)
        mapping = _at(changed, path[:-1])
        mapping[name] = mapping.pop(path[-1])
        _works_or_is_refused(changed, (*path[:-1], name), name, str(path[-1]))
    return len(names)


def _first_places() -> Iterator[tuple[Config, Path]]:
    """One place of every field, in the first fleet that has it."""
    seen: set[str] = set()
    for config in FLEETS.values():
        for path, field in places(config):
            if field not in seen:
                seen.add(field)
                yield config, path


def _values(present: object) -> list[object]:
    """Hostile values for a field, by the type of a good one."""
    if isinstance(present, str):
        return [*NAMES, *ADDRESSES, *URLS, 1, True, *SHAPES]
    return [*NUMBERS, "", "1", "a\0", *SHAPES]


def _works_or_is_refused(config: Config, path: Path, value: object, before: str) -> None:
    # Additions, propagations and identities are compared with whole documents, which takes longer.
    fleet, faults = _loaded(
        config, added=bool({"additions", "values", "propagations", "identities"} & set(map(str, path)))
    )
    if fleet is None:
        spelled = Fault(join("", path), "").path
        # What is wrong may show at the part that holds it, in what is within it, or in what refers to it.
        near = [
            one
            for one in faults
            if _near(one.path, spelled)
            or repr(before) in one.message
            # Of a label a selector says that no cluster has it.
            or f"no label {before}" in one.message
            or one.path.rpartition(".")[2] == before
            # A step of a patch that is wrong is seen at the next one that builds on it, too.
            or _patch(one.path) == _patch(spelled) != ""
        ]
        assert near, f"{spelled} = {value!r:.60}: refused elsewhere only: {faults}"
        assert all(len(fault.message) < 1000 and str(fault).isprintable() for fault in faults)
        return
    for cluster, documents in fleet_plan(fleet).items():
        for document in documents:
            body = document.body
            found = release_faults(body.name, body.values) if isinstance(body, Release) else object_faults(body)
            assert list(found) == [], f"{path} = {value!r:.60} in {cluster}, {document.name}"


def _near(path: str, spelled: str) -> bool:
    return spelled.startswith(path) or path.startswith(spelled) or path.rpartition(".")[0] == spelled.rpartition(".")[0]


def _patch(path: str) -> str:
    """The patch that a path leads into; empty where that is none."""
    before, _, step = path.rpartition(".json[")
    return before if step else ""


def _loaded(config: Config, *, added: bool) -> tuple[Fleet | None, tuple[Fault, ...]]:
    try:
        fleet = load("x", config, Empty())
        if added:
            return checked(fleet), ()
        if faults := tuple(propagation_faults(fleet) or service_faults(fleet) + dns_faults(fleet)):
            return None, faults
        return fleet, ()
    except TopologyError as error:
        return None, error.faults


def _renamed(value: Any, old: str, new: str) -> Any:
    """The value with another name for what is called `old`, wherever it is referred to."""
    if isinstance(value, dict):
        return {key: _renamed(inner, old, new) for key, inner in value.items()}
    if isinstance(value, list):
        return [_renamed(inner, old, new) for inner in value]
    return new if value == old else value


def _with(config: Config, path: Path, value: object) -> Config:
    changed = copy.deepcopy(config)
    _at(changed, path[:-1])[path[-1]] = value
    return changed


def _at(config: Any, path: Path) -> Any:
    for step in path:
        config = config[step]
    return config
