"""Checks of single inputs, shared by the resource types. Unknown values pass."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

from meshfleet.plugins.meshfleet.handler import UNKNOWN, Fault, Properties
from meshfleet.topology.stack_name import name_fault

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
_VERSION = re.compile(r"v\d+\.\d+\.\d+\S*")
# A DNS label, as the names of directories, namespaces and Services are.
_LONGEST_NAME = 63
# A DNS subdomain, as the names of most other Kubernetes objects may be.
LONGEST_OBJECT_NAME = 253


def check_known(inputs: Properties, known: Iterable[str]) -> list[Fault]:
    """Refuse inputs that the type does not have."""
    allowed = sorted(known)
    return [
        Fault(name, f"no such input; must be one of {', '.join(allowed)}")
        for name in sorted(set(inputs) - set(allowed))
    ]


def check_names(inputs: Properties, names: Iterable[str], longest: int = _LONGEST_NAME) -> list[Fault]:
    """Required names of `longest` characters at most: they name directories and Kubernetes objects."""
    faults = []
    for name in names:
        value = inputs.get(name)
        if value is UNKNOWN:
            continue
        if name == "fleet" and isinstance(value, str):
            # That of the stack, for which there is one rule everywhere.
            faults.extend([Fault(name, fault)] if (fault := name_fault(value)) else [])
            continue
        if not isinstance(value, str) or not _NAME.fullmatch(value) or len(value) > longest or ".." in value:
            faults.append(
                Fault(
                    name,
                    f"must be up to {longest} lower-case letters, digits, '-' and '.', with a letter or a digit at "
                    f"both ends, got {value!r}",
                )
            )
    return faults


def check_texts(inputs: Properties, names: Iterable[str]) -> list[Fault]:
    """Required strings. Their values are not repeated: they may be secret."""
    return [
        Fault(name, "is missing or empty; must be a string")
        for name in names
        if inputs.get(name) is not UNKNOWN and not (isinstance(inputs.get(name), str) and inputs[name])
    ]


def check_optional_texts(inputs: Properties, names: Iterable[str]) -> list[Fault]:
    """Optional strings."""
    return [
        Fault(name, f"must be a string, got {inputs[name]!r}")
        for name in names
        if name in inputs and inputs[name] is not UNKNOWN and not isinstance(inputs[name], str)
    ]


def check_count(inputs: Properties, name: str, lowest: int, highest: int) -> list[Fault]:
    """A whole number within limits, both included."""
    value = inputs.get(name)
    if value is UNKNOWN or (isinstance(value, int) and not isinstance(value, bool) and lowest <= value <= highest):
        return []
    return [Fault(name, f"must be a whole number from {lowest} to {highest}, got {value!r}")]


def check_ranges(inputs: Properties, names: Iterable[str]) -> list[Fault]:
    """Optional address ranges in CIDR notation."""
    faults = []
    for name in names:
        value = inputs.get(name)
        if value is None or value is UNKNOWN:
            continue
        try:
            ipaddress.ip_network(value)
        except ValueError as error:
            faults.append(Fault(name, f"{value!r} is not a range ({error}); write it as in 10.10.0.0/16"))
    return faults


def check_version(inputs: Properties, name: str) -> list[Fault]:
    """A version of Kubernetes, as in v1.35.4."""
    version = inputs.get(name)
    if version is UNKNOWN or (isinstance(version, str) and _VERSION.fullmatch(version)):
        return []
    return [Fault(name, f"{version!r} is not a version; write it as in v1.35.4")]


def check_address(inputs: Properties, name: str) -> list[Fault]:
    """An optional IP address."""
    value = inputs.get(name)
    if value is None or value is UNKNOWN:
        return []
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return [Fault(name, f"must be an IP address, got {value!r}")]
    return []
