"""Clusters of kind on this machine: nodes are containers, and pods are real."""
