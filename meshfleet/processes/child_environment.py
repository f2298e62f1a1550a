"""The environment of every program that this project starts: chosen, not inherited.

A shell's settings reach far: HELM_KUBEAPISERVER installs elsewhere, KUBECONFIG and ISTIOCONFIG lead to other clusters,
https_proxy without no_proxy breaks connections on loopback, PYTHONPATH and LD_PRELOAD put other code into a process of
root. So a child sees what is listed here and what its caller adds, and nothing else.

`system_environment` is for tools of the system, `client_environment` for programs that speak to API servers,
`engine_environment` for Pulumi, which hands its own to the language host, the plugins and the program, and
`download_environment` for what fetches from registries.

Sources: https://helm.sh/docs/helm/helm/, https://www.pulumi.com/docs/iac/cli/environment-variables/,
https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/ and
https://pkg.go.dev/net/http#ProxyFromEnvironment
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import Final

# What every program may see: who runs it, where its files go, how texts are encoded and times told.
_ALWAYS: Final = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "TERM")
# Of this project (docs/operations.md), for the programs of this project.
_OURS: Final = re.compile(r"MESHFLEET_[A-Z_]+")
# By which exec plugins of kubeconfigs, backends and secrets providers know who asks.
_CREDENTIALS: Final = re.compile(
    r"(AWS|AZURE|ARM|GOOGLE|GCP|GCLOUD|CLOUDSDK|DIGITALOCEAN|OCI|VAULT|HASHIVAULT|ALICLOUD|IBMCLOUD)_[A-Za-z0-9_]+"
    r"|USE_GKE_GCLOUD_AUTH_PLUGIN|SSL_CERT_FILE|SSL_CERT_DIR|SSH_AUTH_SOCK"
)
# Documented settings of Pulumi that say where its state is and who may read it. Others change what a command does.
_PULUMI: Final = (
    "PULUMI_ACCESS_TOKEN",
    "PULUMI_BACKEND_URL",
    "PULUMI_CONFIG_PASSPHRASE",
    "PULUMI_CONFIG_PASSPHRASE_FILE",
    "PULUMI_HOME",
    "PULUMI_SELF_MANAGED_STATE_LOCKING",
    "PULUMI_SELF_MANAGED_STATE_GZIP",
)
# The engine gives these to plugins and to the program, in whichever version.
_ENGINE: Final = (
    "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION",
    "PULUMI_SKIP_UPDATE_CHECK",
    "PULUMI_DEBUG_PROVIDERS",
    "VIRTUAL_ENV",
)
_PROXIES: Final = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
_NO_PROXY: Final = ("no_proxy", "NO_PROXY")
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
# Where packages come from, and what is built with what (docs/toolchain.md).
_DOWNLOADS: Final = re.compile(
    r"GOPROXY|GONOPROXY|GOPRIVATE|GONOSUMDB|GONOSUMCHECK|GOSUMDB|GOINSECURE|GOCACHE|GOMODCACHE|GOMAXPROCS|GOMEMLIMIT"
    r"|GOAUTH|NETRC|PIP_[A-Z_]+|UV_[A-Z_]+|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|XDG_CONFIG_HOME"
)
# How a command prints, and where its own caches are (docs/operations.md).
_OF_THE_COMMAND: Final = ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")
TEXTS: Final = {"PYTHONUTF8": "1"}
"""So that programs in Python name files as this one does, in whichever locale (PEP 540)."""
_FOR_CLIENTS: Final = ("KUBECACHEDIR",)
# Programs in Go that end after seconds collect garbage as their heaps grow, which they soon give back as a whole: by
# itself Go does so at twice what is in use (https://go.dev/doc/gc-guide#GOGC). An engine's heap grows with the fleet.
_CLIENTS_COLLECT: Final = {"GOGC": "400"}
_ENGINE_COLLECTS: Final = {"GOGC": "200"}
_DEFAULT_PATH: Final = os.defpath + ":/usr/sbin:/sbin"


def system_environment(added: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a tool of the system sees, such as nft or setpriv. Messages are in English, since some are read."""
    chosen = _chosen(lambda name: name in _ALWAYS)
    return {**chosen, "LC_ALL": "C.UTF-8", **(added or {})}


def client_environment(added: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a program sees that speaks to an API server, such as Helm, kubectl and istioctl.

    Credentials of clouds are for the exec plugin of a kubeconfig. No proxy: each kubeconfig says its own.
    """
    chosen = _chosen(lambda name: name in _ALWAYS or name in _FOR_CLIENTS or bool(_CREDENTIALS.fullmatch(name)))
    return {**chosen, **_CLIENTS_COLLECT, **(added or {})}


def engine_environment(added: Mapping[str, str] | None = None) -> dict[str, str]:
    """What Pulumi sees, and what it starts: backends and secrets providers may be behind a proxy, loopback is not."""
    chosen = _chosen(
        lambda name: (
            name in _ALWAYS
            or name in (*_PULUMI, *_ENGINE, *_FOR_CLIENTS)
            or bool(_OURS.fullmatch(name) or _CREDENTIALS.fullmatch(name))
        )
    )
    return {**chosen, **_proxies(), **_ENGINE_COLLECTS, **(added or {})}


def download_environment(added: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a program sees that fetches packages and builds them, such as go and pip."""
    chosen = _chosen(lambda name: name in _ALWAYS or bool(_OURS.fullmatch(name) or _DOWNLOADS.fullmatch(name)))
    certificates = _chosen(lambda name: name in ("SSL_CERT_FILE", "SSL_CERT_DIR"))
    return {**chosen, **certificates, **_proxies(), **(added or {})}


def chart_environment(host: str) -> dict[str, str]:
    """What Helm sees: charts may come from behind a proxy, the API server at `host` is asked without one."""
    return {**client_environment(), **_proxies(host)}


def exec_environment(added: Mapping[str, str]) -> dict[str, str]:
    """What the exec plugin of a kubeconfig sees, which asks a cloud for a token; `added` is the kubeconfig's `env`."""
    return {**client_environment(), **_proxies(), **added}


def clean_command() -> None:
    """Take everything that no child may see out of the process of a command, whose libraries start children too."""
    kept = {**download_environment(), **engine_environment()}
    kept |= {name: os.environ[name] for name in _OF_THE_COMMAND if name in os.environ}
    _keep(kept)


def clean_plugin() -> None:
    """The same for a plugin, or the program, that a shell's own `pulumi` has started; what the engine says stays."""
    engine = {name: value for name, value in os.environ.items() if name.startswith("PULUMI_")}
    _keep({**engine, **engine_environment()})


def _keep(kept: Mapping[str, str]) -> None:
    for name in set(os.environ) - set(kept):
        del os.environ[name]
    os.environ.update(kept)


def _proxies(*past_too: str) -> dict[str, str]:
    """The proxies of the shell, past which connections on this machine, and to `past_too`, go in any case."""
    found = {name: os.environ[name] for name in _PROXIES if os.environ.get(name)}
    if not found:
        return {}
    listed = next((os.environ[name] for name in _NO_PROXY if os.environ.get(name)), "")
    past = [*(part.strip() for part in listed.split(",")), *_LOOPBACK, *past_too]
    return found | dict.fromkeys(_NO_PROXY, ",".join(dict.fromkeys(filter(None, past))))


def _chosen(may_pass: Callable[[str], bool]) -> dict[str, str]:
    found = {name: value for name, value in os.environ.items() if may_pass(name)}
    found.setdefault("PATH", _DEFAULT_PATH)
    return {**found, **TEXTS}
