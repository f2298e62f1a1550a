"""Propagations: objects of the user's own, the clusters they go to, and how they differ there."""
