"""What propagated workloads of a namespace may ask for in all clusters together.

Source: https://karmada.io/docs/userguide/bestpractices/federated-resource-quota/
"""

from __future__ import annotations

from meshfleet.topology.model import Model
from meshfleet.topology.propagation.capacity import Capacity


class FederatedResourceQuota(Model):
    """A quota over all clusters: what exceeds it is refused before anything is created.

    Source: https://karmada.io/docs/userguide/bestpractices/federated-resource-quota/
    """

    overall: Capacity
    """The sum of the requests of all pods, each counted with its replicas."""
