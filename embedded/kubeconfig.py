"""Kubeconfig texts: made for an embedded cluster, and read for any cluster.

Format: https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedded.decoders import prepare_decoders
from topology.errors import ClusterError
from topology.files import file_error

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
    names = [item.get("name") for item in content.get("contexts") or () if isinstance(item, dict)]
    if context not in names:
        raise ClusterError(f"kubeconfig: no context {context!r}; it has {', '.join(map(str, names)) or 'none'}")
    # JSON is YAML.
    return json.dumps(content | {"current-context": context})


def connect(kubeconfig: str, context: str | None = None) -> Client:
    """A client for the cluster of a kubeconfig text; `context` chooses one where there are several.

    Raises ClusterError when the text is no kubeconfig or has no such context. Nothing is sent yet.
    """
    from lightkube import Client, KubeConfig
    from lightkube.core.exceptions import ConfigError
    from msgspec import MsgspecError

    prepare_decoders()
    content = _load(select_context(kubeconfig, context))
    try:
        configuration = KubeConfig.from_dict(content).get()
    except (ConfigError, MsgspecError, KeyError, TypeError) as error:
        # Only the first kind of error does not quote the file, which holds keys.
        reason = str(error) if isinstance(error, ConfigError) else type(error).__name__
        raise ClusterError(f"kubeconfig: not usable ({reason}); give the content of a kubeconfig file") from None
    if configuration is None:
        raise ClusterError("kubeconfig: no current context; name one of its contexts")
    # The environment's proxies are for the world outside, not for a cluster named in a kubeconfig.
    return Client(config=configuration, trust_env=False)


def _load(kubeconfig: str) -> dict[str, Any]:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        content = YAML(typ="safe").load(kubeconfig)
    except YAMLError as error:
        # Its text quotes the file, which holds keys.
        reason = type(error).__name__
        raise ClusterError(f"kubeconfig: not YAML ({reason}); give the content of a kubeconfig file") from None
    if not isinstance(content, dict):
        raise ClusterError("kubeconfig: not a mapping; give the content of a kubeconfig file")
    return content


def _data(path: Path) -> str:
    try:
        return base64.b64encode(path.read_bytes()).decode("ascii")
    except OSError as error:
        raise file_error(path, error) from error
