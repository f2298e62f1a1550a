"""Settings of a shell that would lead the programs of this project astray, had they been handed on."""

from __future__ import annotations

HOSTILE = {
    "HELM_KUBEAPISERVER": "https://127.0.0.1:1",
    "HELM_KUBECONTEXT": "elsewhere",
    "HELM_NAMESPACE": "elsewhere",
    "HELM_DRIVER": "memory",
    "KUBECONFIG": "/nonexistent",
    "ISTIOCONFIG": "/nonexistent",
    "ISTIOCTL_XDSADDRESS": "127.0.0.1:1",
    "https_proxy": "http://127.0.0.1:1",
    "HTTPS_PROXY": "http://127.0.0.1:1",
    "all_proxy": "socks5://127.0.0.1:1",
    "PYTHONPATH": "/nonexistent",
    "PYTHONSTARTUP": "/nonexistent",
    "PYTHONINSPECT": "1",
    "GOFLAGS": "-mod=bogus",
    "GODEBUG": "x509sha1=1",
    "PULUMI_STACK": "elsewhere",
    "PULUMI_CONFIG": "{}",
    "PULUMI_EXPERIMENTAL": "true",
    "PULUMI_SKIP_CHECKPOINTS": "true",
    "XDG_DATA_HOME": "/nonexistent",
    "EDITOR": "false",
    "LD_PRELOAD": "/nonexistent.so",
    "LD_LIBRARY_PATH": "/nonexistent",
    "ENVOY_UID": "0",
    "GRPC_VERBOSITY": "debug",
    "BASH_ENV": "/nonexistent",
    "ENV": "/nonexistent",
    "IFS": "/",
}
