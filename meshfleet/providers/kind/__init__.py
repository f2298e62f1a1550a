"""Clusters of kind on this machine; not built yet."""
