"""Kubeconfig texts: made for an embedded cluster, and read for any cluster.

Format: https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from meshfleet.errors import ClusterError, DocumentError, FileError
from meshfleet.files import read_bytes
from meshfleet.files.bounded_yaml import load_yaml

if TYPE_CHECKING:
    from lightkube import Client


def build_kubeconfig(name: str, server: str, certificate_authority: Path, certificate: Path, key: Path) -> str:
    """A kubeconfig that needs no other file; its only context is `name`. The paths are of PEM files.

    Raises EmbeddedError when one of them cannot be read.
    """
    return f"""\
apiVersion: v1
kind: Config
current-context: {name}
contexts:
- name: {name}
  context:
    cluster: {name}
    user: {name}
clusters:
- name: {name}
  cluster:
    server: {server}
    certificate-authority-data: {_data(certificate_authority)}
users:
- name: {name}
  user:
    client-certificate-data: {_data(certificate)}
    client-key-data: {_data(key)}
"""


def select_context(kubeconfig: str, context: str | None) -> str:
    """The same kubeconfig with `context` as its current one; unchanged for None.

    Raises ClusterError when the text is no kubeconfig or has no such context.
    """
    if context is None:
        return kubeconfig
    content = _load(kubeconfig)
    contexts = content.get("contexts")
    # What else may stand there has no names.
    names = [item.get("name") for item in contexts if isinstance(item, dict)] if isinstance(contexts, list) else []
    if context not in names:
        raise ClusterError(f"kubeconfig: no context {context!r}; it has {', '.join(map(str, names)) or 'none'}")
    # JSON is YAML.
    return json.dumps(dict(content) | {"current-context": context})


def connect(kubeconfig: str, context: str | None = None) -> Client:
    """A client for the cluster of a kubeconfig text; `context` chooses one where there are several.

    Raises ClusterError when the text is no kubeconfig, has no such context, or asks for what is not supported.
    Nothing is sent yet.
    """
    # It takes a tenth of a second to import.
    from meshfleet.kube import client

    return client.connect(kubeconfig, context)


def _load(kubeconfig: str) -> Mapping[str, Any]:
    try:
        content = load_yaml(kubeconfig, what="kubeconfig")
    except DocumentError as error:
        raise ClusterError(f"{error}; give the content of a kubeconfig file") from None
    if not isinstance(content, Mapping):
        raise ClusterError("kubeconfig: not a mapping; give the content of a kubeconfig file")
    return content


def _data(path: Path) -> str:
    content = read_bytes(path)
    if content is None:
        raise FileError(f"{path}: does not exist, although it was created with the cluster; run the same command again")
    return base64.b64encode(content).decode("ascii")
