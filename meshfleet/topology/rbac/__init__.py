"""Identities of people and programs and what they may do in the clusters of a fleet, in the words of RBAC."""
