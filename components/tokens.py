"""Names shared with the packages above; in a module of their own, so that using them does not import Pulumi."""

from __future__ import annotations

from meshfleet.versions import further_istio

# The plugin's own resources are `meshfleet:index:...`.
COMPONENT_PREFIX = "meshfleet:components:"


def component_of(urn: str) -> str:
    """The class name of the innermost component that a resource is in, by its URN; empty for none.

    A URN holds the type tokens of all parents: `urn:pulumi:<stack>::<project>::<token>$<token>$<type>::<name>`.
    Source: https://www.pulumi.com/docs/iac/concepts/resources/names/#urns
    """
    parents = urn.split("::")[2].split("$")[:-1] if urn.count("::") >= 3 else []
    tokens = [parent for parent in parents if parent.startswith(COMPONENT_PREFIX)]
    return tokens[-1].removeprefix(COMPONENT_PREFIX) if tokens else ""


# Relative to the checkout, and a link that the command keeps, so that the state names no place of one machine.
BUILT_CHARTS = ".meshfleet/charts"
GATEWAY_API_CHART = ".meshfleet/gateway-api"
KARMADA_CHARTS = ".meshfleet/karmada"
CERT_MANAGER_CHART = ".meshfleet/cert-manager"
CERT_MANAGER_PODS_CHART = ".meshfleet/cert-manager-pods"

# Follows the logical name of a Helm release.
RELEASE_OBJECTS = "-objects"


def built_charts(version: str) -> str:
    """Where the built charts of a version of Istio are; BUILT_CHARTS for the standard one."""
    further = further_istio(version)
    return f"{BUILT_CHARTS}-{further}" if further else BUILT_CHARTS


def remote_readiness(revision: str) -> str:
    """The logical name, behind the cluster's, of the wait for a remote cluster's istiod of that revision."""
    return "remote-readiness" if revision == "default" else f"remote-readiness-{revision}"
