"""Real control planes and proxies as local processes: clusters, istiods, nodes, machines, and their toolchain."""
