"""Real control planes as local processes: clusters, istiods, gateways, and the toolchain that builds them."""
