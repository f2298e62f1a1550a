"""Follows the advice of a fault in a stack file as an author would who has nothing but the message.

What the message quotes, lists or writes as an example becomes the value at the path that the fault names; what is to be
removed, renamed or put in quotes is. Whatever heals the fault and brings no other was good advice.
"""

from __future__ import annotations

import copy
import itertools
import re
from collections.abc import Iterator
from typing import Any

import yaml

from meshfleet.topology import Fault, TopologyError, load

Config = dict[str, Any]
_STEP = re.compile(r"\[(\d+)\]|([^.\[\]]+)")
_WORD = re.compile(r"'([^']*)'|(\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\})|`([^`]+)`|([A-Za-z0-9*/:._%\[\]-]+)")
_REMOVE = re.compile(r"unknown key|remove|leave \w+(?: \w+)? out|leave it out|take it out|leave them out")


def faults(config: Config) -> list[Fault]:
    """What is wrong with a configuration."""
    try:
        load("dev", copy.deepcopy(config))
    except TopologyError as error:
        return list(error.faults)
    return []


def followed(config: Config, fault: Fault) -> bool:
    """Whether a change that the message names heals the fault and brings no other."""
    before = {(one.path, one.message) for one in faults(config)}
    for changed in changes(config, fault):
        after = {(one.path, one.message) for one in faults(changed)}
        if (fault.path, fault.message) not in after and not after - before:
            return True
    return False


def changes(config: Config, fault: Fault) -> Iterator[Config]:
    """What the message says outright: another name, no name, quotes, or one of the values that it has."""
    message = fault.message
    place = steps(config, fault.path)
    present = _at(config, place)
    if meant := re.search(r"did you mean (\S+)\?", message):
        yield _renamed(config, place, meant[1])
    if _REMOVE.search(message):
        yield _with(config, place, None)
    if "quotes" in message:
        yield _with(config, place, str(present))
        yield _with(config, place, yaml.safe_load(str(present)))
    for namespace, field in itertools.product(config.get("namespaces", {}), ("injection", "waypoint")):
        if f"'{namespace}'" in message and f"set its {field}: true" in message:
            yield _with(config, ["namespaces", namespace, field], True)
    found = list(values(message))
    for value in found:
        yield _with(config, place, value)
        yield _with(config, place, [value])
        if isinstance(present, list):
            yield _with(config, place, [*present, value])


def values(message: str) -> Iterator[Any]:
    """What a message quotes, lists or gives as an example, as YAML reads it."""
    _, mark, advice = message.rpartition("; ")
    for text in dict.fromkeys([advice if mark else message, message]):
        for words in _WORD.findall(text):
            word = next(one for one in words if one).rstrip(".,:") if any(words) else ""
            for form in dict.fromkeys((word, word.replace("CLUSTER", "west"))):
                try:
                    yield yaml.safe_load(form)
                    yield form
                except yaml.YAMLError:
                    continue


def steps(config: Config, path: str) -> list[Any]:
    """The keys and indexes of a path; a key may have dots in it."""
    at: Any = config
    found: list[Any] = []
    rest = path
    while rest:
        if index := re.match(r"\[(\d+)\]\.?", rest):
            key: Any = int(index[1])
            rest = rest[index.end() :]
        else:
            names = at if isinstance(at, dict) else {}
            known = [one for one in names if rest == one or rest.startswith((f"{one}.", f"{one}["))]
            key = max(known, key=len) if known else re.split(r"[.\[]", rest, maxsplit=1)[0]
            rest = rest[len(key) :].removeprefix(".")
        found.append(key)
        at = at[key] if (isinstance(at, dict) and key in at) or (isinstance(at, list) and key < len(at)) else {}
    return found


def _at(config: Config, place: list[Any]) -> Any:
    at: Any = config
    for step in place:
        at = at.get(step) if isinstance(at, dict) else at[step] if isinstance(at, list) and step < len(at) else None
    return at


def _renamed(config: Config, place: list[Any], name: str) -> Config:
    changed = _with(config, place, None)
    return _with(changed, [*place[:-1], name], _at(config, place))


def _with(config: Config, place: list[Any], value: Any) -> Config:
    """The configuration with another value at a place; None takes it out."""
    changed = copy.deepcopy(config)
    at: Any = changed
    for step in place[:-1]:
        if isinstance(at, dict):
            at = at.setdefault(step, {})
        elif isinstance(at, list) and step < len(at):
            at = at[step]
        else:
            return changed
    last = place[-1]
    if value is None and isinstance(at, dict):
        at.pop(last, None)
    elif value is None and isinstance(at, list) and last < len(at):
        del at[last]
    elif isinstance(at, dict) or (isinstance(at, list) and isinstance(last, int) and last < len(at)):
        at[last] = copy.deepcopy(value)
    return changed
