"""Helm releases as they lie in a cluster: their records, and the objects that their charts rendered.

Above any Kubernetes plugin, so that an interrupted or changed release converges whichever one is installed.
"""
