"""Clusters of Amazon EKS; not built yet."""
