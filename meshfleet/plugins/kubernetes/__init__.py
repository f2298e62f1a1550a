"""The stand-in for the official Kubernetes provider of Pulumi, where that cannot be downloaded."""
