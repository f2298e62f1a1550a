"""How the types of this room's components are called; apart, so that a reader of names needs no Pulumi."""

# Told apart from the plugin's own resources, which are `meshfleet:index:...`.
COMPONENT_PREFIX = "meshfleet:components:"
