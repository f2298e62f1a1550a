"""What one run of the program registered: resources, the edges between them, the exports."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any


@dataclass(frozen=True, eq=False)
class Resource:
    """One registration as the engine gets it; edges are URNs.

    `inputs` are plain values in which a secret is a mapping with Pulumi's own mark. `after` are all resources this
    one waits for, by property or explicitly, without its parents. `ignored` are the inputs that only count when it
    is made. `aliases` are former names and types, as the registration has them. `call_stack` are the files of the code
    that registered it, as the state keeps them.
    """

    urn: str
    type: str
    name: str
    custom: bool
    parent: str
    provider: str
    inputs: Mapping[str, Any]
    after: frozenset[str]
    property_dependencies: Mapping[str, frozenset[str]]
    secret_outputs: frozenset[str]
    deleted_with: str
    delete_before_replace: bool = False
    ignored: frozenset[str] = frozenset()
    read: bool = False
    retained: bool = False
    aliases: frozenset[str] = frozenset()
    call_stack: tuple[str, ...] = ()

    @property
    def cluster(self) -> str:
        """The part of the logical name before the slash: a cluster, or `mesh <name>`; empty for components."""
        return self.name.partition("/")[0] if "/" in self.name else ""

    @property
    def what(self) -> str:
        """The part of the logical name behind the slash."""
        return self.name.partition("/")[2]


@dataclass
class Graph:
    """Everything one run registered. `outputs` are the stack's exports, secrets marked as in inputs."""

    resources: dict[str, Resource] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def custom(self) -> list[Resource]:
        """Resources that a provider manages, providers themselves left out."""
        return [
            found
            for found in self.resources.values()
            if found.custom and not found.type.startswith("pulumi:providers:")
        ]

    @property
    def providers(self) -> list[Resource]:
        """The explicit providers."""
        return [found for found in self.resources.values() if found.type.startswith("pulumi:providers:")]

    def __getitem__(self, name: str) -> Resource:
        """A custom resource or a provider by its logical name."""
        found = [resource for resource in self.resources.values() if resource.custom and resource.name == name]
        assert len(found) == 1, f"{len(found)} resources are called {name}"
        return found[0]

    def names(self) -> set[str]:
        """The logical names of all custom resources and providers."""
        return {resource.name for resource in self.resources.values() if resource.custom}

    def edges(self) -> set[tuple[Resource, Resource]]:
        """Pairs of a custom resource and another one that it directly waits for; its provider is one of them."""
        found = set()
        for resource in (*self.custom, *self.providers):
            provider = {resource.provider.rpartition("::")[0]} if resource.provider else set()
            for urn in resource.after | provider:
                if (other := self.resources[urn]).custom:
                    found.add((resource.urn, other.urn))
        return {(self.resources[first], self.resources[second]) for first, second in found}

    def waits_for(self, name: str, without: Collection[str] = ()) -> set[str]:
        """The names of all custom resources that must be done before this one starts, directly or not.

        What is waited for only by way of those called `without` is left out, and so are they.
        """
        found: set[str] = set()
        waiting = [name]
        while waiting:
            new = self._before.get(waiting.pop(), set()) - found - set(without)
            found |= new
            waiting += new
        return found

    @cached_property
    def _before(self) -> dict[str, set[str]]:
        """The names of what each resource directly waits for; asked for once everything is registered."""
        before: dict[str, set[str]] = {}
        for resource, other in self.edges():
            before.setdefault(resource.name, set()).add(other.name)
        return before
