"""A fleet of Kubernetes clusters and its Istio meshes as one Pulumi program.

What other programs use of it: `load` turns the sections of a stack file into a checked topology or raises
`TopologyError` with all faults, and `Fleet` registers everything that the topology says. The resources of the plugin
serve alone too, as a root certificate authority for a mesh does. All else is private and may change with any release.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from meshfleet.components.fleet import Fleet
    from meshfleet.components.kubeconfig_file import KubeconfigFile, kubeconfig_files
    from meshfleet.plugins.meshfleet.sdk import (
        EmbeddedCluster,
        EmbeddedNode,
        IntermediateCertificateAuthority,
        Istiod,
        IstiodAddress,
        RootCertificateAuthority,
    )
    from meshfleet.sources import load
    from meshfleet.topology import StackFile, TopologyError, read_stack_file

__version__ = "0.1.0"

# Resolved on first use: plugins import this package too, and neither Pulumi nor pydantic for it.
_HOMES: Final = {
    "EmbeddedCluster": "plugins.meshfleet.sdk",
    "EmbeddedNode": "plugins.meshfleet.sdk",
    "Fleet": "components.fleet",
    "IntermediateCertificateAuthority": "plugins.meshfleet.sdk",
    "Istiod": "plugins.meshfleet.sdk",
    "IstiodAddress": "plugins.meshfleet.sdk",
    "KubeconfigFile": "components.kubeconfig_file",
    "RootCertificateAuthority": "plugins.meshfleet.sdk",
    "StackFile": "topology",
    "TopologyError": "topology",
    "kubeconfig_files": "components.kubeconfig_file",
    "load": "sources",
    "read_stack_file": "topology",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for the first time. Raises AttributeError for a name that is not public."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


__all__ = [
    "EmbeddedCluster",
    "EmbeddedNode",
    "Fleet",
    "IntermediateCertificateAuthority",
    "Istiod",
    "IstiodAddress",
    "KubeconfigFile",
    "RootCertificateAuthority",
    "StackFile",
    "TopologyError",
    "__version__",
    "kubeconfig_files",
    "load",
    "read_stack_file",
]
