"""Clusters of Azure Kubernetes Service; not built yet."""
