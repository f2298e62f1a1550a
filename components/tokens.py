"""Names that this room and those above it share; apart, so that a reader of names needs no Pulumi."""

from __future__ import annotations

from meshfleet.versions import further_istio

# Told apart from the plugin's own resources, which are `meshfleet:index:...`.
COMPONENT_PREFIX = "meshfleet:components:"

# Relative to the checkout, and a link that the command keeps, so that the state names no place of one machine.
BUILT_CHARTS = ".meshfleet/charts"
GATEWAY_API_CHART = ".meshfleet/gateway-api"


def built_charts(version: str) -> str:
    """Where the charts of a version of Istio are that the toolchain has built, as BUILT_CHARTS is for the standard."""
    further = further_istio(version)
    return f"{BUILT_CHARTS}-{further}" if further else BUILT_CHARTS
