"""meshfleet: a fleet of Kubernetes clusters and its Istio meshes as one Pulumi program."""

__version__ = "0.1.0"
