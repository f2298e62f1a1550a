"""The provider's own inputs: which cluster, and how to treat what is found there.

They arrive twice and in two shapes: as properties whose non-text values are JSON texts (`"true"`), and as
variables `kubernetes:config:NAME`. The ambient kubeconfig is never read: no kubeconfig is an error.
Names and meaning: https://www.pulumi.com/registry/packages/kubernetes/api-docs/provider/
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from meshfleet.errors import ClusterError, DocumentError, FileError, UnsupportedError
from meshfleet.files import read_text
from meshfleet.plugins.kubernetes.values import UNKNOWN, JsonObject, Unknown

# Asks for something this plugin does not do, and would be dangerous to ignore.
_REFUSED = ("renderYamlToDirectory", "alwaysRender")
_LIMIT = 1024 * 1024
_VARIABLE_PREFIX = "kubernetes:config:"


@dataclass(frozen=True)
class Settings:
    """What a provider was configured with; `kubeconfig` is None where none was given, UNKNOWN in some previews."""

    kubeconfig: str | Unknown | None = None
    context: str | None = None
    cluster: str | None = None
    namespace: str | None = None
    enable_secret_mutable: bool = False
    enable_config_map_mutable: bool = False
    enable_patch_force: bool = False
    upsert_existing_objects: bool = False
    delete_unreachable: bool = False
    skip_update_unreachable: bool = False

    @property
    def known(self) -> bool:
        """Whether the cluster can be named already; not so in a preview of the run that creates it."""
        return not isinstance(self.kubeconfig, Unknown)

    @property
    def default_namespace(self) -> str:
        """Where a namespaced object without a namespace goes."""
        return self.namespace or "default"


def read_settings(variables: Mapping[str, str], arguments: Mapping[str, Any]) -> Settings:
    """The settings out of a Configure request; `arguments` (plain values) win over `variables`.

    Raises UnsupportedError for settings that this plugin does not honour and must not ignore.
    """
    given: dict[str, Any] = {
        key.removeprefix(_VARIABLE_PREFIX): value
        for key, value in variables.items()
        if key.startswith(_VARIABLE_PREFIX)
    }
    given.update(arguments)
    for name in _REFUSED:
        if _flag(given.get(name)) or (isinstance(given.get(name), str) and given[name] not in ("", "false")):
            raise UnsupportedError(
                f"the stand-in for the Kubernetes plugin does not support the provider setting `{name}`: "
                "remove it, or install the official plugin (pulumi plugin install resource kubernetes)"
            )
    return Settings(
        kubeconfig=_kubeconfig(given.get("kubeconfig")),
        context=_text(given.get("context")),
        cluster=_text(given.get("cluster")),
        namespace=_text(given.get("namespace")),
        enable_secret_mutable=_flag(given.get("enableSecretMutable")),
        enable_config_map_mutable=_flag(given.get("enableConfigMapMutable")),
        enable_patch_force=_flag(given.get("enablePatchForce")),
        upsert_existing_objects=_flag(given.get("upsertExistingObjects")),
        delete_unreachable=_flag(given.get("deleteUnreachable")),
        skip_update_unreachable=_flag(given.get("skipUpdateUnreachable")),
    )


def active_cluster(arguments: Mapping[str, Any]) -> JsonObject | None:
    """The cluster entry a provider's inputs point at, or None where that cannot be told.

    Used to tell whether a changed kubeconfig means another cluster.
    """
    text, _ = kubeconfig_text(_kubeconfig(arguments.get("kubeconfig")))
    if text is None:
        return None
    from meshfleet.files.bounded_yaml import load_yaml  # only needed once a cluster is spoken of

    try:
        document = load_yaml(text, what="kubeconfig")
    except DocumentError as error:
        raise ClusterError(f"the provider's {error}") from None
    if not isinstance(document, Mapping):
        return None
    context = _entry(document, "context", _text(arguments.get("context")) or document.get("current-context"))
    return _entry(document, "cluster", _text(arguments.get("cluster")) or (context or {}).get("cluster"))


def kubeconfig_text(kubeconfig: str | Unknown | None) -> tuple[str | None, Path | None]:
    """The kubeconfig (YAML or JSON) itself, and the directory it lies in where it is given as a path.

    None if there is none. Raises ClusterError for a path that cannot be read.
    """
    if not isinstance(kubeconfig, str) or not kubeconfig.strip():
        return None, None
    if "\n" in kubeconfig or kubeconfig.lstrip().startswith("{"):
        return kubeconfig, None
    path = Path(kubeconfig).expanduser()
    try:
        text = read_text(path, limit=_LIMIT, follow=True)
    except FileError as error:
        raise ClusterError(f"the provider's `kubeconfig`: {error}") from None
    return (kubeconfig, None) if text is None else (text, path.absolute().parent)


def _entry(document: Mapping[str, Any], kind: str, name: Any) -> JsonObject | None:
    entries = document.get(f"{kind}s")
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, Mapping) and entry.get("name") == name and isinstance(entry.get(kind), Mapping):
            return dict(entry[kind])
    return None


def _kubeconfig(value: Any) -> str | Unknown | None:
    if isinstance(value, Unknown):
        return UNKNOWN
    if isinstance(value, Mapping):
        return json.dumps(value)
    return _text(value)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _flag(value: Any) -> bool:
    return value is True or (isinstance(value, str) and value.strip().lower() == "true")
