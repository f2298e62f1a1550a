"""The only code that registers resources.

Read in this order to follow the story of a fleet:
`fleet` wires everything; for each cluster `cluster` (created by its provider, meshfleet/providers/),
`trust`, `control_plane`, `east_west_gateway`, `remote_secrets` and `namespaces`.
What is registered is decided in `meshfleet/topology/` and built in `manifests/`; here are only order and wiring.
"""
