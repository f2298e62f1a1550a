"""The kubeconfig files of existing clusters: one context of each, made self-contained. Knows nothing of Pulumi.

Source: https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from topology import Existing, Fault, Fleet, TopologyError
from topology.discovery import is_loopback


@dataclass(frozen=True)
class KubeconfigFile:
    """`content` is a kubeconfig with this one context and nothing by path (secret); `server` is its URL."""

    content: str
    server: str

    @property
    def on_this_machine(self) -> bool:
        """Whether only this machine can reach the API server under its URL."""
        return is_loopback(self.server)


def kubeconfig_files(topology: Fleet) -> dict[str, KubeconfigFile]:
    """The kubeconfig of every existing cluster. Raises `TopologyError` with the faults of all of them at once."""
    files: dict[str, KubeconfigFile] = {}
    faults: list[Fault] = []
    for name, cluster in topology.clusters.items():
        if cluster.existing:
            try:
                files[name] = read_kubeconfig(name, cluster.existing)
            except TopologyError as error:
                faults += error.faults
    faults += _unreachable_for_istiods(topology, files)
    if faults:
        raise TopologyError(faults)
    return files


def _unreachable_for_istiods(topology: Fleet, files: Mapping[str, KubeconfigFile]) -> list[Fault]:
    """Loopback addresses are of use only while every istiod that reads the cluster runs on this machine (#31081)."""
    return [
        Fault(
            f"clusters.{name}.existing.kubeconfig",
            f"its server {file.server} is an address of this machine, and pods of {', '.join(far)} run elsewhere; name "
            f"an address that its peers reach as clusters.{name}.discovery.server, or give a kubeconfig with one",
        )
        for name, file in files.items()
        if file.on_this_machine
        and not topology.clusters[name].discovery.server
        and (far := [reader for reader in _readers(topology, name) if not _on_this_machine(topology, reader)])
    ]


def _readers(topology: Fleet, cluster: str) -> tuple[str, ...]:
    """The clusters whose istiods reach this one from elsewhere: those of its mesh, and its own when it is external."""
    hosted_elsewhere = topology.is_primary(cluster) and topology.hosting(cluster) != cluster
    return (*topology.readers_of(cluster), *([cluster] if hosted_elsewhere else []))


def _on_this_machine(topology: Fleet, primary: str) -> bool:
    """Whether the istiod that carries the name of `primary` is a process here."""
    return topology.clusters[topology.hosting(primary)].simulated


def read_kubeconfig(cluster: str, existing: Existing) -> KubeconfigFile:
    """The context a cluster names. Raises `TopologyError` with the path of the field that is wrong."""
    field = f"clusters.{cluster}.existing"
    path = Path(existing.kubeconfig).expanduser()
    try:
        content = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise _fault(f"{field}.kubeconfig", f"there is no file {existing.kubeconfig}") from None
    except OSError as error:
        raise _fault(f"{field}.kubeconfig", f"{existing.kubeconfig} cannot be read: {error.strerror}") from error
    except (YAMLError, UnicodeDecodeError):
        # The parser's own words may repeat a line of the file, and with it a key.
        raise _fault(f"{field}.kubeconfig", f"{existing.kubeconfig} is not YAML") from None
    if not isinstance(content, Mapping):
        raise _fault(f"{field}.kubeconfig", f"{existing.kubeconfig} is not a kubeconfig")
    contexts = _named(content, "contexts", "context")
    if existing.context not in contexts:
        known = ", ".join(sorted(contexts)) or "none"
        raise _fault(f"{field}.context", f"{existing.kubeconfig} has no context {existing.context!r}; it has {known}")
    return _one_context(field, path, content, existing.context, contexts[existing.context])


def _one_context(
    field: str, path: Path, content: Mapping[str, Any], name: str, context: Mapping[str, Any]
) -> KubeconfigFile:
    clusters, users = _named(content, "clusters", "cluster"), _named(content, "users", "user")
    cluster_name, user_name = str(context.get("cluster", "")), str(context.get("user", ""))
    server = str(clusters.get(cluster_name, {}).get("server", ""))
    if not server.startswith("https://"):
        raise _fault(f"{field}.context", f"the context {name!r} leads to no https:// server (found {server!r})")
    inlined = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "contexts": [{"name": name, "context": dict(context)}],
        "clusters": [{"name": cluster_name, "cluster": _inlined(field, path, clusters[cluster_name])}],
        "users": [{"name": user_name, "user": _inlined(field, path, users.get(user_name, {}))}],
    }
    return KubeconfigFile(json.dumps(inlined, sort_keys=True), server)


def _inlined(field: str, path: Path, entry: Mapping[str, Any]) -> dict[str, Any]:
    made = dict(entry)
    for key in ("certificate-authority", "client-certificate", "client-key"):
        if file := made.pop(key, None):
            try:
                made[f"{key}-data"] = base64.b64encode((path.parent / str(file)).read_bytes()).decode()
            except OSError as error:
                raise _fault(f"{field}.kubeconfig", f"its {key} {file} cannot be read: {error.strerror}") from error
    return made


def _named(content: Mapping[str, Any], section: str, key: str) -> dict[str, Mapping[str, Any]]:
    """The entries of a section by name; what is no entry is left out, and then missed by name."""
    entries = content.get(section)
    return {
        str(entry.get("name", "")): entry[key]
        for entry in (entries if isinstance(entries, list) else [])
        if isinstance(entry, Mapping) and isinstance(entry.get(key), Mapping)
    }


def _fault(path: str, message: str) -> TopologyError:
    return TopologyError([Fault(path, message)])
