"""Nodes, networks and machines in network namespaces."""
