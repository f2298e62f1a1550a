"""The cluster that a provider's settings name, for the client and for Helm alike."""

from __future__ import annotations

import json
from typing import Any

from meshfleet.errors import ClusterError, DocumentError
from meshfleet.files.bounded_yaml import load_yaml
from meshfleet.kube.access import Access, KubeconfigError, read_access
from meshfleet.plugins.kubernetes.settings import Settings, kubeconfig_text


def provider_access(settings: Settings) -> Access:
    """The one context that the settings choose. Raises ClusterError when there is none, or it cannot be used."""
    text, folder = kubeconfig_text(settings.kubeconfig)
    if text is None:
        raise ClusterError(
            "the provider has no `kubeconfig`: pass its content (or a path) to the Provider resource; "
            "the ambient kubeconfig is never used"
        )
    try:
        if settings.cluster is not None:
            text = _with_cluster(text, settings.context, settings.cluster)
        return read_access(text, settings.context, folder)
    except KubeconfigError as error:
        raise ClusterError(f"the provider's `kubeconfig` cannot be used: {'; '.join(error.faults)}") from error
    except DocumentError as error:
        raise ClusterError(f"the provider's {error}") from error


def _with_cluster(text: str, context: str | None, cluster: str) -> str:
    """The kubeconfig with another cluster behind the chosen context."""
    document: Any = load_yaml(text, what="kubeconfig")
    entries = document.get("contexts") if isinstance(document, dict) else None
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, dict) and entry.get("name") == (context or document.get("current-context")):
            entry["context"] = {**(entry.get("context") or {}), "cluster": cluster}
    return json.dumps(document)
