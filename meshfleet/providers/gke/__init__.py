"""Clusters of Google Kubernetes Engine; not built yet."""
