"""The only code that registers resources.

Read in this order to follow the story of a fleet:
`fleet` wires everything; for each cluster `cluster` (created by its provider, meshfleet/providers/),
`system_namespace`, `trust`, `control_plane`, `east_west_gateway` and `remote_secrets`.
Which documents there are is decided in the sections of `meshfleet/manifests/`, and `registration` registers them; the
other components have what is no document: processes, authorities, addresses, waits.
"""
