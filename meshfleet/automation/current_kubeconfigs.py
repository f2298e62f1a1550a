"""The current kubeconfig of an existing cluster replaces the recorded one.

`up` passes the content of the kubeconfig in the stack file to each provider. But refresh and destroy use the kubeconfig
that the last `up` recorded, and credentials may have been rotated since. So before them the recorded content is
replaced in resources that only connect to the cluster: the Kubernetes provider and resources that read through it.
Resources that distribute the kubeconfig (a process, a Secret) keep the recorded one, since only `up` can update them.

A kubeconfig that cannot be read, or that has another server and another certificate authority, replaces nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from meshfleet.automation.state.recorded_state import Deployment, Resource, resources_of
from meshfleet.components.kubeconfig_file import read_kubeconfig
from meshfleet.files.json_text import parse_json
from meshfleet.plugins.meshfleet.former_names import with_former_types
from meshfleet.topology import Fleet, TopologyError

if TYPE_CHECKING:
    from meshfleet.automation.engine.engine import Engine

# https://www.pulumi.com/docs/iac/concepts/secrets/: how a state marks a secret, and one that the engine is to encrypt.
_SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
_SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - the mark of a secret, not one
_KEYS: Final = ("kubeconfig", "configKubeconfig")
_CONNECTING: Final = with_former_types(
    frozenset(
        (
            "pulumi:providers:kubernetes",
            "meshfleet:index:GatewayAddress",
            "meshfleet:index:IstiodConfigMapCleanup",
            "meshfleet:index:ReleaseObjects",
            "meshfleet:index:RemoteClusterReadiness",
        )
    )
)
_DISTRIBUTING: Final = frozenset(("meshfleet:index:Istiod", "meshfleet:index:EmbeddedNode"))


@dataclass(frozen=True)
class CurrentKubeconfig:
    """The self-contained kubeconfig of an existing cluster, as its file is now, and its context."""

    content: str = field(repr=False)
    context: str


def current_kubeconfigs(topology: Fleet) -> dict[str, CurrentKubeconfig]:
    """The readable kubeconfigs of existing clusters, by cluster."""
    found = {}
    for name, cluster in topology.clusters.items():
        if named := cluster.capabilities.context:
            try:
                found[name] = CurrentKubeconfig(read_kubeconfig(name, named).content, named.context)
            except TopologyError:
                # The recorded one may still be valid.
                continue
    return found


def renew(engine: Engine, topology: Fleet, *, to_the_end: bool = False) -> list[str]:
    """Replace recorded kubeconfigs that differ from the current ones; the names of these clusters.

    With `to_the_end`, before a destroy, also in resources that distribute them. Requires the lock of the stack. Raises
    `EngineError`.
    """
    present = current_kubeconfigs(topology)
    if not present or not resources_of(engine.recorded()):
        return []
    plain = engine.recorded_in_the_clear()
    changed = {
        (name, old): present[name]
        for name, old in _recorded_contents(plain)
        if name in present and old != present[name].content and same_server(old, present[name].content)
    }
    if not changed:
        return []
    replaced = {old: new for (_, old), new in changed.items()}
    types = _CONNECTING | _DISTRIBUTING if to_the_end else _CONNECTING
    engine.rewrite(lambda deployment: renewed(deployment, plain, replaced, types))
    return sorted({name for name, _ in changed})


def renewed(
    deployment: Deployment, plain: Deployment, replaced: Mapping[str, CurrentKubeconfig], types: frozenset[str]
) -> Deployment:
    """The deployment with each kubeconfig replaced in resources of these types. Pure.

    `plain` is the same deployment with its secrets in the clear; `replaced` maps a recorded kubeconfig to the new one.
    """
    pairs = zip(resources_of(deployment), resources_of(plain), strict=True)
    resources = [_renewed(one, clear, replaced) if one["type"] in types else one for one, clear in pairs]
    return {**deployment, "resources": resources}


def _renewed(resource: Resource, clear: Resource, replaced: Mapping[str, CurrentKubeconfig]) -> Resource:
    made = dict(resource)
    for part in ("inputs", "outputs"):
        values = dict(made.get(part) or {})
        for key in _KEYS:
            new = replaced.get(_content((clear.get(part) or {}).get(key)) or "")
            if new is None:
                continue
            values[key] = {_SIGNATURE: _SECRET, "plaintext": json.dumps(new.content)}
            if key == "kubeconfig" and "context" in values:
                values["context"] = new.context
        if part in made:
            made[part] = values
    return made


def _recorded_contents(plain: Deployment) -> Iterator[tuple[str, str]]:
    """The recorded kubeconfig of each Kubernetes provider, with its cluster."""
    for resource in resources_of(plain):
        if resource["type"] == "pulumi:providers:kubernetes":
            cluster = str(resource["urn"]).rpartition("::")[2].partition("/")[0]
            if content := _content((resource.get("inputs") or {}).get("kubeconfig")):
                yield cluster, content


def _content(value: Any) -> str | None:
    """A string of the state, plain or as a decrypted secret."""
    if isinstance(value, Mapping) and value.get(_SIGNATURE) == _SECRET:
        try:
            value = parse_json(value.get("plaintext") or "null")
        except ValueError:
            return None
    return value if isinstance(value, str) else None


def same_server(one: str, other: str) -> bool:
    """Whether two self-contained kubeconfigs have the same server or the same certificate authority."""
    first, second = _cluster(one), _cluster(other)
    return any(
        first.get(name) is not None and first.get(name) == second.get(name)
        for name in ("server", "certificate-authority-data")
    )


def _cluster(content: str) -> Mapping[str, Any]:
    try:
        entries = parse_json(content)["clusters"]
        return dict(entries[0]["cluster"])
    except (ValueError, LookupError, TypeError):
        return {}
