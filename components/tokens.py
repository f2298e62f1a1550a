"""Names that this room and those above it share; apart, so that a reader of names needs no Pulumi."""

# Told apart from the plugin's own resources, which are `meshfleet:index:...`.
COMPONENT_PREFIX = "meshfleet:components:"

# Relative to the checkout, and a link that the command keeps, so that the state names no place of one machine.
BUILT_CHARTS = ".meshfleet/charts"
GATEWAY_API_CHART = ".meshfleet/gateway-api"
