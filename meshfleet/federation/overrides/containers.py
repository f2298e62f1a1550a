"""Commands, arguments and environment variables of containers.

Sources: https://karmada.io/docs/userguide/scheduling/override-policy/#commandoverrider and
https://kubernetes.io/docs/tasks/inject-data-application/define-environment-variable-container/
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from meshfleet.federation.overrides.pod_templates import Object, containers_of, containers_there, with_containers
from meshfleet.topology.propagation.overrides import CommandOverride, EnvOverride

Field = Literal["command", "args"]


def with_words(body: Object, field: Field, override: CommandOverride) -> Object | None:
    """The object with another command or other arguments; None where it has nothing of these to change."""

    def change(container: Mapping[str, Any]) -> Mapping[str, Any] | None:
        there = list(container.get(field) or ())
        if override.operator == "remove":
            kept = [word for word in there if word not in override.value]
            return None if kept == there else {**container, field: kept}
        return {**container, field: [*(there if override.operator == "add" else ()), *override.value]}

    return with_containers(body, override.container, change, init=True)


def with_variables(body: Object, override: EnvOverride) -> Object | None:
    """The object with environment variables set, in the place of those of the same name or after all others.

    A variable that was taken from elsewhere (`valueFrom`) gets the value. None where no container is meant.
    """

    def change(container: Mapping[str, Any]) -> Mapping[str, Any] | None:
        waiting = dict(override.set)
        made = []
        for entry in container.get("env") or ():
            name = entry.get("name") if isinstance(entry, Mapping) else None
            if name not in override.set:
                made.append(entry)
            elif name in waiting:
                made.append({"name": name, "value": waiting.pop(name)})
        made += [{"name": name, "value": value} for name, value in waiting.items()]
        return {**container, "env": made}

    return with_containers(body, override.container, change, init=False)


def without_variable(body: Object, override: EnvOverride, name: str) -> Object | None:
    """The object without an environment variable; None where it has none of that name."""

    def change(container: Mapping[str, Any]) -> Mapping[str, Any] | None:
        there = container.get("env") or ()
        kept = [each for each in there if not (isinstance(each, Mapping) and each.get("name") == name)]
        return None if len(kept) == len(there) else {**container, "env": kept}

    return with_containers(body, override.container, change, init=False)


def missing(body: Object, name: str | None, what: str) -> str:
    """What the object lacks for a change of a container, in words; `what` is for a container that is there."""
    named = [each for each in containers_of(body) if name in (None, each.get("name"))]
    return f"has no {what}" if named else containers_there(body, name)
