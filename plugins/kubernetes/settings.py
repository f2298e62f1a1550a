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

from plugins.kubernetes.values import UNKNOWN, JsonObject, Unknown
from topology.errors import ClusterError, UnsupportedError

# Asks for something this plugin does not do, and would be dangerous to ignore.
_REFUSED = ("renderYamlToDirectory", "alwaysRender")
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
    document = kubeconfig_document(_kubeconfig(arguments.get("kubeconfig")))
    if document is None:
        return None
    context_name = _text(arguments.get("context")) or document.get("current-context")
    contexts = {entry.get("name"): entry.get("context") or {} for entry in document.get("contexts") or []}
    clusters = {entry.get("name"): entry.get("cluster") for entry in document.get("clusters") or []}
    name = _text(arguments.get("cluster")) or (contexts.get(context_name) or {}).get("cluster")
    return clusters.get(name)


def kubeconfig_document(kubeconfig: str | Unknown | None) -> JsonObject | None:
    """The parsed kubeconfig (YAML or JSON), from the text itself or from the file it names; None if there is none."""
    if not isinstance(kubeconfig, str) or not kubeconfig.strip():
        return None
    import yaml  # only needed once a cluster is spoken of; part of Pulumi's own requirements

    text = kubeconfig
    if "\n" not in kubeconfig and not kubeconfig.lstrip().startswith("{"):
        path = Path(kubeconfig).expanduser()
        if path.is_file():
            text = path.read_text(encoding="utf-8")
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError:
        # Its own words quote the document, which holds keys.
        raise ClusterError("the provider's `kubeconfig` is neither YAML nor the path of a file") from None
    return document if isinstance(document, dict) else None


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
