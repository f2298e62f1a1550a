"""Pure functions from a topology to Helm values and Kubernetes objects.

The same input gives the same output, to the byte. What is only known at run time (an address, a token, a key) is
a parameter (`Known`), so that `components/` can pass outputs of Pulumi and `render` placeholders.
"""

from meshfleet.manifests.objects import Chart, Object, Release
from meshfleet.manifests.plan import cluster_plan, fleet_plan
from meshfleet.manifests.section import Document, Stage

__all__ = ["Chart", "Document", "Object", "Release", "Stage", "cluster_plan", "fleet_plan"]
