"""Propagation: the clusters that objects of a stack file go to, and their replicas there. Pure."""
