"""Clusters of kind: nodes that are containers of a Docker engine on this machine."""
