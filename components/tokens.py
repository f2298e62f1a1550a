"""Names that this room and those above it share; apart, so that a reader of names needs no Pulumi."""

# Told apart from the plugin's own resources, which are `meshfleet:index:...`.
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
