"""Pure functions from a topology to Helm values and Kubernetes objects.

The same input gives the same output, to the byte. What is only known at run time (an address, a token, a key) is
a parameter, so that `components/` can pass what Pulumi knows later and `render` a placeholder.
"""

from meshfleet.manifests.objects import Chart, Document, Object, Release, Stage
from meshfleet.manifests.plan import cluster_plan, fleet_plan

__all__ = ["Chart", "Document", "Object", "Release", "Stage", "cluster_plan", "fleet_plan"]
