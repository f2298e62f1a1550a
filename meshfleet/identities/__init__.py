"""Identities in the members of a running fleet: what these say that each may do, and kubeconfigs for users."""
